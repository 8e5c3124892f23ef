"""How late slots are started."""

from collections import deque

WINDOW_US = 60_000_000
KEPT = 6000
"""At more slots a minute than this, only the newest are looked at."""


class Lateness:
    """The lateness of the slots of the last minute, in microseconds."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, int]] = deque(maxlen=KEPT)

    def note(self, now_us: int, lateness_us: int) -> None:
        self._recent.append((now_us, lateness_us))

    def p99_us(self, now_us: int) -> int:
        """The 99th percentile, 0 without slots."""
        while self._recent and self._recent[0][0] < now_us - WINDOW_US:
            self._recent.popleft()
        ordered = sorted(lateness_us for _, lateness_us in self._recent)
        return ordered[len(ordered) * 99 // 100] if ordered else 0
