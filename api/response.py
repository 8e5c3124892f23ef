"""Response targets: working time from page to acknowledgement. Microseconds since the Unix epoch; `now` is an argument."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from quivive.working_time import WorkingTime


class Response(Enum):
    """How an incident stands to its response target."""

    MET = "met"
    """Acknowledged in time."""
    BREACHED = "breached"
    """Still open, unacknowledged, when the time was up."""
    NOT_DUE = "not_due"
    """Resolved before anyone had to answer."""
    PENDING = "pending"
    """Open, and there is time left."""


@dataclass(frozen=True, slots=True)
class Paged:
    """An incident for which somebody was paged."""

    page_us: int
    acknowledge_us: int | None
    resolve_us: int | None


@dataclass(frozen=True, slots=True)
class Responses:
    """How many incidents stand how."""

    met: int = 0
    breached: int = 0
    not_due: int = 0
    pending: int = 0


def judge(paged: Paged, target_us: int, working: WorkingTime, now_us: int) -> Response:
    """An acknowledgement at the due instant is in time, and so is a resolution."""
    due_us = working.due_us(paged.page_us, target_us)
    if paged.acknowledge_us is not None and _in_time(paged.acknowledge_us, due_us):
        return Response.MET
    if paged.resolve_us is not None and _in_time(paged.resolve_us, due_us):
        return Response.NOT_DUE
    return Response.PENDING if _in_time(now_us, due_us) else Response.BREACHED


def count(responses: Iterable[Response]) -> Responses:
    """The incidents of each kind."""
    counts = Counter(responses)
    return Responses(**{response.value: counts[response] for response in Response})


def _in_time(at_us: int, due_us: int | None) -> bool:
    return due_us is None or at_us <= due_us
