"""What a check is decided under. One value per (check, revision); it never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from quivive.domain.checks import freshness_us, quorum_of


@dataclass(frozen=True)
class Policy:
    """A CheckSpec revision with what plan and customer add to it. Durations in microseconds."""

    check: int
    revision: int
    name: str
    """sites/{site}/checks/{check}"""
    site: str
    """The site's id."""
    customer: str
    regions: tuple[str, ...]
    """W, sorted; drained regions are not in it."""
    interval_us: int
    timeout_us: int
    down_attempts: int
    critical: bool = True
    create_time_us: int = 0
    """When this check came into being: its state is UNKNOWN from here to its first verdict."""

    @cached_property
    def quorum(self) -> int:
        return quorum_of(len(self.regions))

    @cached_property
    def recovery(self) -> int:
        """Regions that must have voted UP after their own last DOWN before an outage is over: |W| − q + 1."""
        return len(self.regions) - self.quorum + 1

    @cached_property
    def freshness_us(self) -> int:
        return freshness_us(self.interval_us, self.timeout_us)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of one shard, as the database has them at one configuration revision."""

    current: Mapping[int, Policy]
    """Every check of the shard that is watched now."""
    revisions: Mapping[tuple[int, int], Policy]
    """By (check, revision): the current ones and the earlier ones that results may still carry."""
    ended: Mapping[int, str]
    """Checks that are watched no more, and why: "paused" or "deleted"."""
