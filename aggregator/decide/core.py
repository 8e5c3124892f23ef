"""The decision core's face: one shard's state, what changes it, and what comes of it.

    state = ShardState()
    transitions = apply_results(state, results, policies, blind, now_us)
    transitions = advance(state, policies, blind, now_us)
    saved = dump(state); state = restore(saved)

The functions change `state` in place and await nothing. `blind` are the regions whose votes do not count. `now_us` is the bus's
timestamp of the message at hand; `advance` is given the clock's only while the bus is idle. `advance` also meets new checks
(UNKNOWN from their creation), checks that ended (paused, deleted), and votes that grew old.
"""

from aggregator.decide.policy import Policies
from aggregator.decide.transitions import Transition
from aggregator.results import Results


class ShardState:
    """Votes, suspicions, states and open incidents of one shard's checks."""


def apply_results(
    state: ShardState, results: Results, policies: Policies, blind: frozenset[str], now_us: int
) -> list[Transition]:
    """Take one batch in; results of checks or revisions that `policies` does not know are passed over."""
    raise NotImplementedError


def advance(state: ShardState, policies: Policies, blind: frozenset[str], now_us: int) -> list[Transition]:
    """Let time pass up to `now_us`. Without transitions it leaves `state` as it was."""
    raise NotImplementedError


def dump(state: ShardState) -> bytes:
    """The state for the shard's snapshot."""
    raise NotImplementedError


def restore(saved: bytes) -> ShardState:
    """A dumped state. ValueError when the bytes are not one."""
    raise NotImplementedError
