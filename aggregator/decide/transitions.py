"""What the verdict says happened. The core returns these; persist and the service carry them out.

Times are µs since the Unix epoch. Each names the reason that decided it; `counted` is what the votes were then.

    Transition
      StateChanged        a check's state from an instant on; may reach back and overwrite what was said since
      SuspicionOpened     a first failing attempt
      SuspicionRetracted  it was not an outage
      ConfirmationWanted  regions to ask at once; not stored
      IncidentConfirmed   an outage that a quorum saw
      IncidentReopened    it failed again shortly after
      IncidentMoved       another start or end came to light
      IncidentResolved    it is over
      PastFilled          late evidence says what a span on record as UNKNOWN was
      PastIncident        an outage that only late evidence shows
"""

from dataclasses import dataclass, field

from aggregator.decide.counted import Counted
from quivive.domain.words import Cause, Responsibility, State


@dataclass(frozen=True, slots=True)
class StateChanged:
    """From `at_us` the check is in `state`; whatever was recorded later than `at_us` no longer holds.

    With `met_us` the core meets the check without a memory of it, then: what is on record stays, and this holds from `met_us` on.
    """

    check: int
    at_us: int
    state: State
    reason: str
    incident: str | None = None
    met_us: int | None = None
    counted: Counted | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SuspicionOpened:
    check: int
    region: str
    slot_us: int
    at_us: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class SuspicionRetracted:
    """`down_regions` had voted DOWN: with any, it is kept as a false alarm avoided; with none it is only counted."""

    check: int
    slot_us: int
    opened_us: int
    at_us: int
    reason: str
    down_regions: tuple[str, ...]
    counted: Counted | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ConfirmationWanted:
    """Ask `regions` to attempt the check now, under the suspicion's slot."""

    check: int
    revision: int
    regions: tuple[str, ...]
    slot_us: int
    first_attempt: int
    attempts: int
    deadline_us: int


@dataclass(frozen=True, slots=True)
class IncidentConfirmed:
    """`incident` is a deterministic id: replaying the stream gives the same one."""

    incident: str
    check: int
    start_us: int
    confirm_us: int
    cause: Cause
    responsibility: Responsibility
    regions: tuple[str, ...]
    reason: str
    page: bool = True
    """False while the check is flapping and has been paged once."""
    counted: Counted | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IncidentReopened:
    incident: str
    check: int
    at_us: int
    reason: str
    regions: tuple[str, ...]
    page: bool = False
    counted: Counted | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IncidentMoved:
    """Its times as they are known now; `resolve_us` None leaves its end as it is."""

    incident: str
    check: int
    start_us: int
    resolve_us: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """`resolve_us` is the first of the UP votes that ended it; `at_us` is when that was decided, on the bus's clock."""

    incident: str
    check: int
    resolve_us: int
    at_us: int
    reason: str
    """recovered, paused, deleted"""
    counted: Counted | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PastFilled:
    """What is on record as UNKNOWN between the two instants was `state`; what is known stays as it is.

    With `incident` its start was moved back to `start_us`: UP there was nothing but older votes, and is DOWN, too.
    """

    check: int
    start_us: int
    end_us: int
    state: State
    reason: str
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An outage found from late evidence, and over: marked retroactive, no page, no response clock, no detection figures."""

    incident: str
    check: int
    start_us: int
    resolve_us: int
    confirm_us: int
    cause: Cause
    responsibility: Responsibility
    regions: tuple[str, ...]
    reason: str
    ended: bool = True
    """Its end was seen; else it is only where the evidence ends."""


Transition = (
    StateChanged
    | SuspicionOpened
    | SuspicionRetracted
    | ConfirmationWanted
    | IncidentConfirmed
    | IncidentReopened
    | IncidentMoved
    | IncidentResolved
    | PastFilled
    | PastIncident
)
