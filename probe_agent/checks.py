"""The checks that an agent is asked to make, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """What to get, and what has to come back."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    """Sent beside the agent's own."""
    expect_status: frozenset[int] = frozenset()
    """Accepted statuses; empty means 200 to 299, after redirects."""
    body_contains: str = ""
    body_excludes: str = ""
    max_latency_us: int = 0
    """0: no limit but the timeout."""

    def accepts(self, status: int) -> bool:
        return status in self.expect_status if self.expect_status else 200 <= status <= 299


@dataclass(frozen=True, slots=True)
class Check:
    """One revision of a check. Durations in microseconds."""

    id: int
    revision: int
    name: str
    """sites/{site}/checks/{check}"""
    regions: tuple[str, ...]
    """W, sorted."""
    interval_us: int
    timeout_us: int
    """One deadline over a whole attempt, redirects included."""
    down_attempts: int
    """Failing attempts in a row that make a DOWN vote."""
    attempt_gap_us: int
    """From the end of a failing attempt to the start of the next."""
    target: HttpTarget
