"""Rule 5: an incident's identity, start, cause and memory."""

from base64 import b32encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from aggregator.decide.policy import Policy
from aggregator.decide.votes import Attempt, Ballot, Vote
from quivive.domain.times import to_datetime
from quivive.domain.words import Cause

REOPEN_US = 120_000_000
FLAPPING_US = 900_000_000
FLAPPING_CHANGES = 5


def incident_id(check: int, start_us: int, confirm_us: int) -> str:
    """The same for the same outage, however often the stream is replayed: its day and eight letters."""
    seed = b"".join(number.to_bytes(8, "little") for number in (check, start_us, confirm_us))
    letters = b32encode(blake2b(seed, digest_size=5).digest()).decode().lower()
    return f"{to_datetime(confirm_us):%Y%m%d}-{letters}"


def reopen_window_us(policy: Policy) -> int:
    """Failing again this soon is the same incident: max(2 min, 2 intervals)."""
    return max(REOPEN_US, 2 * policy.interval_us)


def flapping_window_us(policy: Policy) -> int:
    """More than five changes within this is flapping, and calm for as long ends it: max(15 min, 10 intervals)."""
    return max(FLAPPING_US, 10 * policy.interval_us)


def start_of(quorum: Mapping[str, Vote], ballots: Mapping[str, Ballot]) -> int:
    """The earliest failing slot of the confirming streaks that is later than the newest UP slot of any confirming region."""
    last_up_us = max(
        (up.slot_us for region in quorum if (up := ballots[region].newest_up()) is not None),
        default=-1,
    )
    failing = [attempt for vote in quorum.values() for attempt in vote.failing]
    slots = [attempt.slot_us for attempt in failing if attempt.slot_us > last_up_us]
    return min(slots) if slots else min(attempt.start_us for attempt in failing)


def resolution_of(ups: Iterable[str], ballots: Mapping[str, Ballot], policy: Policy, down_since_us: int) -> int | None:
    """When the outage that is on since `down_since_us` was over, by the regions that are up; None while they are too few.

    1. Each region's word is its first good attempt after its own last failing one, and after the outage began.
    2. The |W| − q + 1 earliest words, by their ends, end it, in whatever order they came.
    3. Of these, the first that began after the last failing slot any of their regions saw.
    """
    words = sorted(
        (word, region)
        for region in ups
        if (word := ballots[region].recovered(down_since_us)) is not None and word.end_us > down_since_us
    )[: policy.recovery]
    if len(words) < policy.recovery:
        return None
    failing = [a.slot_us for _, region in words for a in ballots[region].attempts if not a.up]
    last_failing_us = max(failing, default=0)
    starts = [word.start_us for word, _ in words]
    return max(min((at for at in starts if at > last_failing_us), default=max(starts)), down_since_us + 1)


def cause_of(failing: Iterable[Attempt]) -> Cause:
    """What most of the confirming attempts met; the later one where as many met two."""
    counted = Counter[Cause]()
    newest: dict[Cause, int] = {}
    for attempt in failing:
        counted[attempt.cause] += 1
        newest[attempt.cause] = max(newest.get(attempt.cause, 0), attempt.end_us)
    return max(counted, key=lambda cause: (counted[cause], newest[cause]))


@dataclass(slots=True)
class Outage:
    """The incident at hand, or the last one while it could still be reopened."""

    incident: str
    start_us: int
    confirm_us: int
    down_since_us: int
    """Its start, or when it was reopened."""
    resolve_us: int | None = None
    """When it was last seen to recover."""
    recover_us: int = 0
    """When that was decided, on the bus's clock."""
    resolved: bool = False
    """Announced as resolved; a flapping one is held open although it recovered."""


@dataclass(slots=True)
class Flapping:
    """The times of the latest changes between UP and DOWN."""

    changes: list[int] = field(default_factory=list)

    def note(self, at_us: int, policy: Policy) -> None:
        self.changes = [at for at in self.changes if at > at_us - flapping_window_us(policy)] + [at_us]

    @property
    def active(self) -> bool:
        return len(self.changes) > FLAPPING_CHANGES

    def calm(self, now_us: int, policy: Policy) -> bool:
        """Nothing changed for a whole window."""
        return not self.changes or self.changes[-1] <= now_us - flapping_window_us(policy)
