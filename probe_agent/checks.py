"""The checks that an agent is asked to make, as plain values."""

from dataclasses import dataclass

from probe_agent.targets import Target


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
    target: Target
