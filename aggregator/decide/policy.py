"""What a check is decided under. One value per (check, revision); it never changes."""

from dataclasses import dataclass

from quivive.domain.checks import freshness_us, quorum_of


@dataclass(frozen=True, slots=True)
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

    @property
    def quorum(self) -> int:
        return quorum_of(len(self.regions))

    @property
    def recovery(self) -> int:
        """Regions that must have voted UP after their own last DOWN before an outage is over: |W| − q + 1."""
        return len(self.regions) - self.quorum + 1

    @property
    def freshness_us(self) -> int:
        return freshness_us(self.interval_us, self.timeout_us)
