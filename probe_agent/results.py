"""What came of an attempt, before it is packed for the bus."""

from dataclasses import dataclass, field

from probe_agent.checks import Check
from probe_agent.connect import Sighting
from probe_agent.phases import Phases
from quivive.domain.checks import PLACEHOLDER
from quivive.domain.pages import PageFeatures
from quivive.domain.words import Cause, Outcome


@dataclass(frozen=True, slots=True)
class HopTaken:
    """One request of an attempt that was redirected, with its own times."""

    url: str
    address: str
    status: int
    phases: Phases


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a failing attempt saw."""

    detail: str
    """One line for a person."""
    address: str = ""
    """The address that was tried last, with its port."""
    url: str = ""
    """The last hop's."""
    headers: tuple[tuple[str, str], ...] = ()
    body_excerpt: str = ""
    certificate_expire_us: int | None = None
    hops: tuple[HopTaken, ...] = ()
    """Where redirects were followed."""
    resolved: tuple[str, ...] = ()
    """The addresses that the last name had."""
    certificate: Sighting | None = None
    """The last one that was shown."""
    body_hash: str = ""
    """SHA-256 of what was read, in hexadecimal."""
    body_characters: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt, or a placeholder. Times in microseconds since the Unix epoch, by the agent's clock."""

    check: int
    revision: int
    slot_us: int
    attempt: int
    outcome: Outcome
    end_us: int
    cause: Cause = Cause.UNSPECIFIED
    phases: Phases = field(default_factory=Phases)
    http_status: int = 0
    evidence: Evidence | None = None
    certificates: tuple[Sighting, ...] = ()
    """Those that are news."""
    page: PageFeatures | None = None
    """What the page is like, where that is news."""


def missed(check: Check, slot_us: int, now_us: int, cause: Cause, detail: str) -> Result:
    """The placeholder for a slot that was not run."""
    return Result(
        check=check.id,
        revision=check.revision,
        slot_us=slot_us,
        attempt=PLACEHOLDER,
        outcome=Outcome.MISSED,
        end_us=now_us,
        cause=cause,
        evidence=Evidence(detail),
    )
