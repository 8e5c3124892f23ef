"""The usual case as arrays: checks that are UP, was UP. One row per check, one column per rank in its W.

A quiet check is nothing but its regions' newest good votes. Whatever else happens to it makes it a `Case`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aggregator.decide.case import Case
from aggregator.decide.policy import Policy
from aggregator.decide.votes import Attempt, Ballot
from aggregator.results import Results
from quivive.domain.words import Cause, Outcome, State

Times = NDArray[np.int64]


def _times(rows: int, ranks: int) -> Times:
    return np.zeros((rows, ranks), np.int64)


@dataclass(slots=True)
class Quiet:
    """Newest good votes of the quiet checks: end and slot in µs, 0 where a region has none.

    A check keeps its row while it is a case, so that coming and going costs nothing.
    """

    rows: dict[int, int] = field(default_factory=dict)
    resting: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Rows whose check is quiet now."""
    policies: list[Policy | None] = field(default_factory=list)
    since_us: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    end_us: Times = field(default_factory=lambda: _times(0, 1))
    slot_us: Times = field(default_factory=lambda: _times(0, 1))
    freshness_us: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    quorum: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    revision: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    ranks: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    """Per region, each row's column for it, or −1 where the region is not in that check's W."""
    free: list[int] = field(default_factory=list)
    _sorted: tuple[Times, Times] | None = None
    """The checks in order, and their rows; None when rows have come or gone since."""

    @classmethod
    def of(cls, rows: Sequence[tuple[int, Policy]], end_us: Times, slot_us: Times) -> Self:
        """From (since_us, policy) and the votes of each row."""
        quiet = cls()
        for i, (since_us, policy) in enumerate(rows):
            row = quiet._open(policy, since_us)
            ranks = len(policy.regions)
            quiet.end_us[row, :ranks] = end_us[i, :ranks]
            quiet.slot_us[row, :ranks] = slot_us[i, :ranks]
        return quiet

    def settle(self, case: Case) -> None:
        """Keep a case that came to rest as a row."""
        row = self._open(case.policy, case.since_us)
        for rank, region in enumerate(case.policy.regions):
            newest = case.ballots[region].newest_up() if region in case.ballots else None
            if newest is not None:
                self.end_us[row, rank] = newest.end_us
                self.slot_us[row, rank] = newest.slot_us

    def holds(self, check: int) -> bool:
        """Whether the check is quiet."""
        row = self.rows.get(check)
        return row is not None and bool(self.resting[row])

    def wake(self, check: int) -> Case:
        """Make a case of a quiet check that remembers the same votes. KeyError for one that never was quiet."""
        row = self.rows[check]
        policy = self.policies[row]
        assert policy is not None
        self.resting[row] = False
        case = Case(policy, State.UP, int(self.since_us[row]))
        for rank, region in enumerate(policy.regions):
            if self.end_us[row, rank]:
                good = Attempt(
                    end_us=int(self.end_us[row, rank]),
                    slot_us=int(self.slot_us[row, rank]),
                    number=0,
                    start_us=int(self.slot_us[row, rank]),
                    up=True,
                    cause=Cause.UNSPECIFIED,
                )
                case.ballots[region] = Ballot([good])
        return case

    def forget(self, check: int) -> None:
        """Give up the row of a check that ended."""
        row = self.rows.pop(check, None)
        if row is not None:
            for ranks in self.ranks.values():
                ranks[row] = -1
            self.policies[row] = None
            self.resting[row] = False
            self.free.append(row)
            self._sorted = None

    def take(self, results: Results, rows: NDArray[np.int64], now_us: int) -> NDArray[np.bool_]:
        """Take in the fresh good votes of quiet checks; `rows` has each result's row or −1. True where a result was taken."""
        ranks = self.ranks.get(results.region)
        if ranks is None or not len(self.policies):
            return np.zeros(len(results), np.bool_)
        known = np.maximum(rows, 0)
        rank = ranks[known].astype(np.int64)
        taken: NDArray[np.bool_] = (
            (rows >= 0)
            & self.resting[known]
            & (rank >= 0)
            & (results.outcome == Outcome.UP)
            & (results.revision == self.revision[known])
            & (results.end_us > now_us - self.freshness_us[known])
        )
        index = np.flatnonzero(taken)
        # In the order of their ends, so that the last one written of a (row, rank) is the newest.
        index = index[np.argsort(results.end_us[index], kind="stable")]
        at = (rows[index], rank[index])
        newer = results.end_us[index] > self.end_us[at]
        index, at = index[newer], (at[0][newer], at[1][newer])
        self.end_us[at] = results.end_us[index]
        self.slot_us[at] = results.slot_us[index]
        return taken

    def find(self, checks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Each check's row, or −1."""
        if not self.rows:
            return np.full(len(checks), -1, np.int64)
        if self._sorted is None:
            known = np.fromiter(self.rows.keys(), np.int64, len(self.rows))
            rows = np.fromiter(self.rows.values(), np.int64, len(self.rows))
            order = np.argsort(known)
            self._sorted = known[order], rows[order]
        known, rows = self._sorted
        at = np.minimum(np.searchsorted(known, checks), len(known) - 1)
        return np.where(known[at] == checks, rows[at], -1)

    def stale(self, blind: frozenset[str], now_us: int) -> list[int]:
        """Checks with fewer fresh votes of sighted regions than their quorum."""
        if not self.rows:
            return []
        fresh = self.end_us > (now_us - self.freshness_us)[:, None]
        for region in blind:
            ranks = self.ranks.get(region)
            if ranks is not None:
                rows = np.flatnonzero(ranks >= 0)
                fresh[rows, ranks[rows]] = False
        short = self.resting & (fresh.sum(axis=1) < self.quorum)
        return [policy.check for row in np.flatnonzero(short) if (policy := self.policies[row]) is not None]

    def outdated(self, current: Mapping[int, Policy]) -> list[int]:
        """Checks that ended or are watched under another policy now."""
        return [
            check for check, row in self.rows.items() if self.resting[row] and current.get(check) != self.policies[row]
        ]

    def _open(self, policy: Policy, since_us: int) -> int:
        """A row for the check, without a vote yet."""
        row = self.rows.get(policy.check)
        if row is None or self.policies[row] != policy:
            self.forget(policy.check)
            row = self._row(policy)
            self.rows[policy.check] = row
            self._sorted = None
        self.policies[row] = policy
        self.resting[row] = True
        self.since_us[row] = since_us
        self.freshness_us[row] = policy.freshness_us
        self.quorum[row] = policy.quorum
        self.revision[row] = policy.revision
        for times in (self.end_us, self.slot_us):
            times[row] = 0
        for rank, region in enumerate(policy.regions):
            self.ranks[region][row] = rank
        return row

    def _row(self, policy: Policy) -> int:
        """A free row, with room for the policy's regions."""
        for region in policy.regions:
            if region not in self.ranks:
                self.ranks[region] = np.full(len(self.since_us), -1, np.int8)
        missing = len(policy.regions) - self.end_us.shape[1]
        if missing > 0:
            for name in ("end_us", "slot_us"):
                setattr(self, name, np.pad(getattr(self, name), ((0, 0), (0, missing))))
        if self.free:
            return self.free.pop()
        row = len(self.policies)
        self.policies.append(None)
        if row == len(self.since_us):
            grow = max(64, row)
            for name in ("since_us", "freshness_us", "quorum", "revision", "resting"):
                setattr(self, name, np.pad(getattr(self, name), (0, grow)))
            for name in ("end_us", "slot_us"):
                setattr(self, name, np.pad(getattr(self, name), ((0, grow), (0, 0))))
            for region, ranks in self.ranks.items():
                self.ranks[region] = np.pad(ranks, (0, grow), constant_values=-1)
        return row
