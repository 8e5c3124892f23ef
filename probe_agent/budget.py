"""How much may be done beside the schedule."""


class TokenBucket:
    """`rate` a second on the long run, `burst` at once. Times in seconds on any clock that only goes forward."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._free_at = float("-inf")
        """When the bucket would be full again."""

    def reserve(self, now: float, within_s: float) -> float | None:
        """How long to wait for one's turn, or None, taking nothing, when that is longer than `within_s`."""
        free_at = max(self._free_at, now) + 1 / self._rate
        wait_s = max(free_at - now - self._burst / self._rate, 0.0)
        if wait_s > within_s:
            return None
        self._free_at = free_at
        return wait_s
