"""How often a caller may call: a token bucket each."""

from collections import OrderedDict

REMEMBERED = 10_000
"""Callers; whoever has not called for longest is forgotten, and begins with a full bucket."""


class Buckets:
    """`rate` calls a second, `burst` at once, for each key. The clock is the caller's, in seconds."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """0 when the call may go ahead, else the seconds until it may."""
        level, at = self._levels.pop(key, (self._burst, now))
        level = min(self._burst, level + max(0.0, now - at) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._levels[key] = (level if wait else level - 1, now)
        if len(self._levels) > REMEMBERED:
            self._levels.popitem(last=False)
        return wait
