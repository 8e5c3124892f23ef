"""What was packed lately and the bus has not acknowledged, in the order of its numbers: the live part of what is unpublished.

Everything in here is in the spool, too, so that the old may be set aside: the spool brings it back when there is time for it.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch as it was packed: its number and its agent, and so its message id, stay with it for ever."""

    number: int
    agent: str
    subject: str
    payload: bytes
    results: int

    @property
    def message_id(self) -> str:
        return f"{self.agent}-{self.number}"


class Backlog:
    """Parcels that are to be sent, or were sent and not acknowledged. Times in seconds on a clock that only goes forward."""

    def __init__(self) -> None:
        self._parcels: OrderedDict[int, tuple[Parcel, float]] = OrderedDict()
        self._unsent: deque[int] = deque()
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._parcels)

    @property
    def numbers(self) -> list[int]:
        return list(self._parcels)

    def add(self, parcel: Parcel, now: float) -> None:
        """Put a parcel at the end."""
        self._parcels[parcel.number] = parcel, now
        self._unsent.append(parcel.number)
        self._bytes += len(parcel.payload)

    def remove(self, number: int) -> None:
        """It was acknowledged; once more is no error."""
        entry = self._parcels.pop(number, None)
        self._sent.pop(number, None)
        if entry is not None:
            self._bytes -= len(entry[0].payload)

    def set_aside(self, before: float, max_bytes: int) -> int:
        """Let go of what was added before that instant, and of the oldest beyond the bound. Returns how many parcels."""
        count = 0
        while self._parcels:
            number, (_, added) = next(iter(self._parcels.items()))
            if added >= before and self._bytes <= max_bytes:
                break
            self.remove(number)
            count += 1
        return count

    def next_to_send(self, now: float, window: int) -> Parcel | None:
        """The oldest unsent parcel, which counts as sent from `now` on; None while `window` are under way."""
        while self._unsent and len(self._sent) < window:
            entry = self._parcels.get(self._unsent.popleft())
            if entry is not None:
                self._sent[entry[0].number] = now
                return entry[0]
        return None

    def oldest_sent(self) -> float | None:
        """When the parcel that has been under way for longest was sent."""
        return next(iter(self._sent.values()), None)

    def send_again(self) -> None:
        """Whatever is not acknowledged is unsent again, in order."""
        self._sent.clear()
        self._unsent = deque(self._parcels)

    def clear(self) -> None:
        """Let go of everything."""
        self.set_aside(float("inf"), 0)
        self._unsent.clear()
