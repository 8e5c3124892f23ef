"""One shard as its owner has it in memory: the core's state, and where in the stream it stands.

A snapshot is the core's state with the bus's second up to which time has passed for it, so that a replay lets time pass at the
same messages as the first run did. What it was decided under, policies and blind regions, is in the core's state itself; until
the replay is over it serves instead of what is declared by now.
"""

import struct
from collections import Counter

import structlog

from aggregator.decide.compare import lone_failures
from aggregator.decide.core import ShardState, advance, apply_results
from aggregator.decide.policy import Policies, Policy
from aggregator.decide.snapshot import dump, restore
from aggregator.decide.transitions import Transition
from aggregator.leases import Lease
from aggregator.persist.batch import ShardMark
from aggregator.results import Results
from quivive.domain.times import SECOND_US

log = structlog.get_logger(__name__)

_SECOND = struct.Struct(">q")


class Shard:
    """Decides what one shard's results mean. `now_us` is the bus's timestamp, or the clock's while the bus is idle."""

    def __init__(self, lease: Lease) -> None:
        self.number = lease.shard
        self.position = lease.position
        """Up to here transitions are committed: those of a replay are discarded."""
        self.snapshot_position = self.taken = lease.snapshot_position
        """`taken` is the last message that is in the state."""
        self._epoch = lease.epoch
        self._second = self._now_us = 0
        self._state = ShardState()
        self._restore(lease)
        self._policies = _policies_of(self._state)
        self._blind = self._state.blind
        self.replaying = True
        """It decides as its last owner did; `adopt` ends that."""
        self.dirty = False
        """The state has moved since its last snapshot."""
        self.must_save = False
        """Something happened that no message says: a replay would not find it."""

    def _restore(self, lease: Lease) -> None:
        if lease.snapshot is None:
            return
        try:
            (self._second,) = _SECOND.unpack_from(lease.snapshot)
            self._state = restore(lease.snapshot[_SECOND.size :])
        except (ValueError, struct.error) as error:
            # Of another version, most likely. The stream tells everything anew, as far back as it is kept.
            log.error("snapshot.refused", shard=lease.shard, error=str(error))
            self._second = self.snapshot_position = self.taken = 0

    def adopt(self, policies: Policies, blind: frozenset[str], now_us: int) -> list[Transition]:
        """From here on decide under these."""
        self.replaying = False
        if policies is self._policies and blind == self._blind:
            return []
        self._policies, self._blind = policies, blind
        self.dirty = self.must_save = True
        return advance(self._state, policies, blind, self._not_before(now_us))

    def take(self, results: Results, now_us: int) -> list[Transition]:
        """Decide on a batch. Time passes first, once a second of the bus's."""
        transitions: list[Transition] = []
        self._not_before(now_us)
        second = now_us // SECOND_US
        if second > self._second:
            self._second = second
            transitions += advance(self._state, self._policies, self._blind, now_us)
        transitions += apply_results(self._state, results, self._policies, self._blind, now_us)
        self.dirty = True
        return transitions

    def let_pass(self, now_us: int) -> list[Transition]:
        """Let time pass without a message of this shard."""
        transitions = advance(self._state, self._policies, self._blind, self._not_before(now_us))
        if transitions:
            self.dirty = self.must_save = True
        return transitions

    def _not_before(self, now_us: int) -> int:
        """Time does not go back while others' messages are read again."""
        self._now_us = max(self._now_us, now_us)
        return self._now_us

    def lone_failures(self, otherwise_blind: frozenset[str]) -> Counter[str]:
        """Per region, the checks that it alone finds failing."""
        return lone_failures(self._state.cases.values(), otherwise_blind)

    def rewind(self) -> None:
        """The stream began anew."""
        self.position = self.snapshot_position = self.taken = 0
        self.replaying = False
        self.dirty = self.must_save = True

    def mark(self, position: int, *, save: bool) -> ShardMark:
        """How far it is, for the transaction that commits it; with `save` the snapshot, too, as far as it has changed."""
        assert not self.replaying, "it stands behind its own position"
        self.position = position
        if not save:
            return ShardMark(self.number, self._epoch, self.position)
        self.snapshot_position = self.position
        snapshot = _SECOND.pack(self._second) + dump(self._state) if self.dirty else None
        self.dirty = self.must_save = False
        return ShardMark(self.number, self._epoch, self.position, self.position, snapshot)


def _policies_of(state: ShardState) -> Policies:
    """What a restored state was decided under."""
    current: dict[int, Policy] = {policy.check: policy for policy in state.quiet.policies if policy is not None}
    current.update((check, case.policy) for check, case in state.cases.items())
    known = [*current.values(), *(backlog.policy for backlog in state.late.values())]
    return Policies(current=current, revisions={(p.check, p.revision): p for p in known}, ended={})
