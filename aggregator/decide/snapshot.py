"""A shard's state as bytes, for the database: arrays as they are, cases and policies as JSON."""

import io
import zipfile

import numpy as np
from pydantic import TypeAdapter

from aggregator.decide.case import Case
from aggregator.decide.core import ShardState
from aggregator.decide.late import Backlog
from aggregator.decide.policy import Policy
from aggregator.decide.quiet import Quiet

_CASES = TypeAdapter(dict[int, Case])
_ROWS = TypeAdapter(list[tuple[int, Policy]])
_LATE = TypeAdapter(dict[str, Backlog])
_BLIND = TypeAdapter(frozenset[str])


def dump(state: ShardState) -> bytes:
    """The state for the shard's snapshot."""
    rows = [row for row in state.quiet.rows.values() if state.quiet.resting[row]]
    policies = [policy for row in rows if (policy := state.quiet.policies[row]) is not None]
    since_us = state.quiet.since_us[rows].tolist()
    file = io.BytesIO()
    np.savez(
        file,
        cases=np.frombuffer(_CASES.dump_json(state.cases), np.uint8),
        rows=np.frombuffer(_ROWS.dump_json(list(zip(since_us, policies, strict=True))), np.uint8),
        late=np.frombuffer(_LATE.dump_json(state.late), np.uint8),
        blind=np.frombuffer(_BLIND.dump_json(state.blind), np.uint8),
        end_us=state.quiet.end_us[rows],
        slot_us=state.quiet.slot_us[rows],
    )
    return file.getvalue()


def restore(saved: bytes) -> ShardState:
    """A dumped state. ValueError when the bytes are not one."""
    try:
        with np.load(io.BytesIO(saved), allow_pickle=False) as file:
            cases = _CASES.validate_json(file["cases"].tobytes())
            rows = _ROWS.validate_json(file["rows"].tobytes())
            late = _LATE.validate_json(file["late"].tobytes())
            blind = _BLIND.validate_json(file["blind"].tobytes())
            times = {name: file[name] for name in ("end_us", "slot_us")}
    except (KeyError, OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"not a snapshot of this version: {error}") from None
    quiet = Quiet.of(rows, times["end_us"], times["slot_us"])
    return ShardState(quiet=quiet, cases=cases, blind=blind, late=late)
