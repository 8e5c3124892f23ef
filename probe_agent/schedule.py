"""SCHEDULE: which checks are due. Slots lie on the wall-clock grid of `quivive.domain.checks`; the caller brings the clock.

1. A check that comes or changes gets the first slot of its grid that has not been handed out yet: never one in the past.
2. `due` hands out every slot up to now, each once, however late it is asked.
3. A slot too late to be run is still handed out; whoever gets it reports it as MISSED.
4. Before `begin` nothing is handed out, and nothing of that time later: who comes into a region loads its checks first.
5. Slots of a time in which nobody asked at all (the machine slept) were not ours: others had taken over.
"""

import heapq
from dataclasses import dataclass

from probe_agent.checks import Check
from quivive.domain.checks import next_slot_us
from quivive.domain.times import SECOND_US

LATEST_US = 5 * SECOND_US
"""A slot is not started later than this, nor later than half its interval."""
ASLEEP_US = 30 * SECOND_US
"""Not asked for this long, the agent was not running: its sign of life has expired."""
SET_BACK_US = 5 * SECOND_US
"""A clock that was set back by more than this makes a new start on the grid; by less, it is waited for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A check's turn."""

    check: Check
    slot_us: int

    @property
    def latest_us(self) -> int:
        """The last instant to start it; after that it is MISSED."""
        return self.slot_us + min(self.check.interval_us // 2, LATEST_US)


class Schedule:
    """The coming slots of one region's checks."""

    def __init__(self, region: str, now_us: int, *, begun: bool = True) -> None:
        self._region = region
        self._begun = begun
        self._now_us = now_us
        self._checks: dict[int, Check] = {}
        # Entries of replaced and removed checks stay in the heap until their time; `_next` tells which one counts.
        self._heap: list[tuple[int, int]] = []
        self._next: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._checks)

    def put(self, check: Check) -> None:
        """Add a check or replace its earlier revision. ValueError when this region does not look at it."""
        self._plan(check)
        self._checks[check.id] = check

    def remove(self, check: int) -> None:
        """Forget a check; one that is not there is no error."""
        self._checks.pop(check, None)
        self._next.pop(check, None)

    def begin(self) -> None:
        """Hand out what comes due from the next call on."""
        self._begun = True

    def next_us(self) -> int | None:
        """When to ask again at the latest, or None without checks."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_us: int) -> list[Slot]:
        """The slots from the last call up to `now_us`, in their order."""
        if now_us - self._now_us > ASLEEP_US or self._now_us - now_us > SET_BACK_US:
            self._start_over(now_us)
            return []
        self._now_us = max(self._now_us, now_us)
        slots = []
        while self._heap and self._heap[0][0] <= now_us:
            slot_us, id_ = heapq.heappop(self._heap)
            if self._next.get(id_) != slot_us:
                continue
            check = self._checks[id_]
            if self._begun:
                slots.append(Slot(check, slot_us))
            self._push(id_, slot_us + check.interval_us)
        return slots

    def _plan(self, check: Check) -> None:
        slot_us = next_slot_us(self._now_us, check.id, self._region, check.regions, check.interval_us)
        if self._next.get(check.id) != slot_us:
            self._push(check.id, slot_us)

    def _push(self, check: int, slot_us: int) -> None:
        self._next[check] = slot_us
        heapq.heappush(self._heap, (slot_us, check))

    def _start_over(self, now_us: int) -> None:
        self._now_us = now_us
        self._heap.clear()
        self._next.clear()
        for check in self._checks.values():
            self._plan(check)
