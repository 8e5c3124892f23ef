"""Response times of a week as a drawn line: the median of each hour, with the slowest twentieth above it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.latency import percentiles_us
from api.phrases import Phrases

WIDTH, HEIGHT = 720, 120
HOUR_US = 3_600_000_000
HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Chart:
    """SVG paths in a drawing of WIDTH × HEIGHT: one per unbroken run of hours, for hours that nobody saw stay empty."""

    medians: Sequence[str]
    slow: Sequence[str]
    top: str
    """What the upper edge stands for."""
    label: str
    """The same in words."""


def draw(hours: Mapping[int, Mapping[int, int]], end_us: int, t: Phrases) -> Chart | None:
    """The chart of a site from histograms by hour (µs); None when there is nothing to draw."""
    first_us = end_us // HOUR_US * HOUR_US - (HOURS - 1) * HOUR_US
    values = {
        (hour - first_us) // HOUR_US: found
        for hour, counts in hours.items()
        if hour >= first_us and (found := percentiles_us(Counter(counts), (50, 95))) is not None
    }
    if not values:
        return None
    top_us = _round_up(max(slow for _, slow in values.values()))
    middle = sorted(median for median, _ in values.values())[len(values) // 2]
    return Chart(
        medians=_lines({place: median for place, (median, _) in values.items()}, top_us),
        slow=_lines({place: slow for place, (_, slow) in values.items()}, top_us),
        top=t.milliseconds(top_us // 1000),
        label=t.text("status.chart_label", median=t.milliseconds(middle // 1000)),
    )


def _lines(values: Mapping[int, int], top_us: int) -> list[str]:
    lines: list[str] = []
    previous = None
    for place in sorted(values):
        x = round((place + 0.5) * WIDTH / HOURS, 1)
        y = round(HEIGHT - values[place] / top_us * (HEIGHT - 4), 1)
        if previous is not None and place == previous + 1:
            lines[-1] += f"L{x} {y}"
        else:
            lines.append(f"M{x - 1.5} {y}L{x} {y}")
        previous = place
    return lines


def _round_up(us: int) -> int:
    """To 1, 2 or 5 times a power of ten, at least 10 ms."""
    step = 10_000
    while True:
        for factor in (1, 2, 5):
            if us <= factor * step:
                return factor * step
        step *= 10
