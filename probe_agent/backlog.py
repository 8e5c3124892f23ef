"""What the bus has not acknowledged yet, in the order of its numbers, in memory and within bounds."""

from collections import OrderedDict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch as it was packed: its number, and so its message id, stays with it for ever."""

    number: int
    subject: str
    payload: bytes
    results: int


class Backlog:
    """Parcels that are to be sent, or were sent and not acknowledged."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parcels: OrderedDict[int, Parcel] = OrderedDict()
        self._unsent: deque[int] = deque()
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._bytes = 0
        self.results = 0

    def __len__(self) -> int:
        return len(self._parcels)

    def add(self, parcel: Parcel) -> int:
        """Put a parcel at the end. Returns how many results had to be given up at the other end."""
        self._parcels[parcel.number] = parcel
        self._unsent.append(parcel.number)
        self._bytes += len(parcel.payload)
        self.results += parcel.results
        dropped = 0
        while self._bytes > self._max_bytes and len(self._parcels) > 1:
            oldest = next(iter(self._parcels))
            dropped += self._parcels[oldest].results
            self.remove(oldest)
        return dropped

    def remove(self, number: int) -> None:
        """It was acknowledged; once more is no error."""
        parcel = self._parcels.pop(number, None)
        self._sent.pop(number, None)
        if parcel is not None:
            self._bytes -= len(parcel.payload)
            self.results -= parcel.results

    def next_to_send(self, now: float, window: int) -> Parcel | None:
        """The oldest unsent parcel, which counts as sent from `now` on; None while `window` are under way."""
        while self._unsent and len(self._sent) < window:
            parcel = self._parcels.get(self._unsent.popleft())
            if parcel is not None:
                self._sent[parcel.number] = now
                return parcel
        return None

    def oldest_sent(self) -> float | None:
        """When the parcel that has been under way for longest was sent."""
        return next(iter(self._sent.values()), None)

    def send_again(self) -> None:
        """Whatever is not acknowledged is unsent again, in order."""
        self._sent.clear()
        self._unsent = deque(self._parcels)
