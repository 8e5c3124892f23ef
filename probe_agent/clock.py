"""The agent's clock, and how far it is from the bus's."""

import time
from collections import deque
from dataclasses import dataclass


def now_us() -> int:
    """The wall clock, in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """A message of ours that the bus stamped between `sent_us` and `acknowledged_us` of our clock."""

    sent_us: int
    acknowledged_us: int
    stamped_us: int

    @property
    def round_trip_us(self) -> int:
        return self.acknowledged_us - self.sent_us

    @property
    def offset_us(self) -> int:
        """The bus's clock minus ours, were the way there as long as the way back."""
        return self.stamped_us - (self.sent_us + self.acknowledged_us) // 2


class BusClock:
    """Microseconds to add to our clock to get the bus's: what the quickest of the last samples says."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=12)
        self.offset_us = 0

    @property
    def is_set(self) -> bool:
        return bool(self._samples)

    def take(self, sample: Sample) -> None:
        """Take a new sample in. One that contradicts the earlier ones means that a clock was set: they are forgotten."""
        if sample.round_trip_us < 0:
            return
        if self._samples and abs(sample.offset_us - self.offset_us) > sample.round_trip_us + self._best.round_trip_us:
            self._samples.clear()
        self._samples.append(sample)
        self.offset_us = self._best.offset_us

    def now_us(self) -> int:
        """The bus's time."""
        return now_us() + self.offset_us

    @property
    def _best(self) -> Sample:
        return min(self._samples, key=lambda sample: sample.round_trip_us)
