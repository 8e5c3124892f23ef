"""Brings back what was set aside in the spool, oldest first, at a rate that leaves the bus to what is live."""

from collections import OrderedDict

from probe_agent.backlog import Parcel
from probe_agent.spool import Spool

BATCHES_PER_S = 500
RESULTS_PER_S = 20_000
UNDER_WAY = 64
"""Batches that are sent and not acknowledged."""
READ_PIECES = 128
PAUSE_S = 0.02
"""Between two lots of batches."""


class Replay:
    """What of the spool is under way. Times in seconds on a clock that only goes forward."""

    def __init__(self, batches_per_s: float = BATCHES_PER_S, results_per_s: float = RESULTS_PER_S) -> None:
        self._batches_per_s = batches_per_s
        self._results_per_s = results_per_s
        self._after = 0
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._free_at = 0.0
        self.is_busy = False
        """There may be more."""

    def due(self, spool: Spool, before: int, now: float) -> list[Parcel]:
        """The next batches with numbers below `before`, which count as sent from `now` on. SpoolFailed."""
        if now < self._free_at or len(self._sent) >= UNDER_WAY:
            return []
        parcels: list[Parcel] = []
        self._free_at = max(self._free_at, now - PAUSE_S)
        for parcel in spool.read(self._after, before, READ_PIECES):
            if self._free_at > now or len(self._sent) >= UNDER_WAY:
                break
            parcels.append(parcel)
            self._after = parcel.number
            self._sent[parcel.number] = now
            self._free_at += max(1 / self._batches_per_s, parcel.results / self._results_per_s)
        self.is_busy = bool(parcels or self._sent)
        if not self.is_busy:
            # Whatever is set aside from now on may have a smaller number than the last one that was sent.
            self._after = 0
        return parcels

    def pause_s(self, now: float) -> float:
        """How long the rate asks to wait."""
        return max(self._free_at - now, PAUSE_S)

    def remove(self, number: int) -> None:
        """It was acknowledged; another's number is no error."""
        self._sent.pop(number, None)

    def oldest_sent(self) -> float | None:
        """When the batch that has been under way for longest was sent."""
        return next(iter(self._sent.values()), None)

    def send_again(self) -> None:
        """Whatever is not acknowledged is brought back again, in order."""
        self._sent.clear()
        self._after = 0
