"""A site's last hour as the rectangles of a small drawing."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.figures import Segment, Span, Standing
from quivive.domain.times import SECOND_US, format_us

WIDTH = 3600
"""Units of the drawing across: a second each, for an hour."""
VISIBLE = 24
"""An outage is drawn at least this wide: a few pixels, so that none is overlooked."""

_WORDS = {
    Standing.UP: "up",
    Standing.PARTIAL_OUTAGE: "partial outage",
    Standing.DOWN: "down",
    Standing.UNKNOWN: "unknown",
    Standing.MAINTENANCE: "maintenance",
}


@dataclass(frozen=True, slots=True)
class Rectangle:
    """In units of the drawing; `kind` is its CSS class, `label` what a pointer shows."""

    x: float
    width: float
    kind: str
    label: str


def rectangles(segments: Iterable[Segment], window: Span) -> list[Rectangle]:
    """From left to right, outages last so that they lie on top; where no check existed there is none."""
    scale = WIDTH / (window.end_us - window.start_us)
    drawn = []
    for segment in segments:
        if segment.standing is Standing.OUTSIDE:
            continue
        x = (segment.start_us - window.start_us) * scale
        width = (segment.end_us - segment.start_us) * scale
        if segment.standing is Standing.DOWN and width < VISIBLE:
            x, width = min(x, WIDTH - VISIBLE), VISIBLE
        label = f"{_WORDS[segment.standing]}, {_clock(segment.start_us)} to {_clock(segment.end_us)} UTC"
        drawn.append(Rectangle(round(x, 1), round(width, 1), segment.standing.value, label))
    return sorted(drawn, key=lambda rectangle: rectangle.kind == Standing.DOWN.value)


def _clock(us: int) -> str:
    return format_us(us // SECOND_US * SECOND_US)[11:19]
