"""Where an attempt's time went."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

UNIT_NS = 100_000
"""Phases are told in units of 0.1 ms."""
HALF_NS = UNIT_NS // 2


class Phase(IntEnum):
    """What an attempt is waiting for."""

    DNS = 0
    CONNECT = 1
    TLS = 2
    FIRST_BYTE = 3
    TRANSFER = 4


@dataclass(frozen=True, slots=True)
class Phases:
    """Time per phase in units of 0.1 ms, summed over redirects; together the attempt's duration."""

    dns: int = 0
    connect: int = 0
    tls: int = 0
    first_byte: int = 0
    transfer: int = 0

    def without(self, others: Iterable["Phases"]) -> "Phases":
        """What is left of the time when that of others is taken away."""
        left = [self.dns, self.connect, self.tls, self.first_byte, self.transfer]
        for other in others:
            taken = (other.dns, other.connect, other.tls, other.first_byte, other.transfer)
            left = [mine - theirs for mine, theirs in zip(left, taken, strict=True)]
        return Phases(*(max(value, 0) for value in left))


class Stopwatch:
    """Bills every nanosecond of an attempt to one phase; whatever strikes, the phase at hand gets the whole remainder."""

    def __init__(self, now_ns: int) -> None:
        self.phase = Phase.DNS
        self._start_ns = self._since_ns = now_ns
        self._spent_ns = [0] * len(Phase)

    def enter(self, phase: Phase, now_ns: int) -> None:
        """The phase at hand ends and `phase` begins; it may be one that was there before, on another hop."""
        self._spent_ns[self.phase] += now_ns - self._since_ns
        self.phase, self._since_ns = phase, now_ns

    def elapsed_ns(self, now_ns: int) -> int:
        return now_ns - self._start_ns

    def read(self, now_ns: int) -> Phases:
        """The bill at `now_ns`. Rounded where a phase ends, so that the sum is the rounded duration."""
        self.enter(self.phase, now_ns)
        dns_ns, connect_ns, tls_ns, first_byte_ns, transfer_ns = self._spent_ns
        dns = (dns_ns + HALF_NS) // UNIT_NS
        connect = (connect_ns + dns_ns + HALF_NS) // UNIT_NS
        tls = (tls_ns + connect_ns + dns_ns + HALF_NS) // UNIT_NS
        first_byte = (first_byte_ns + tls_ns + connect_ns + dns_ns + HALF_NS) // UNIT_NS
        transfer = (transfer_ns + first_byte_ns + tls_ns + connect_ns + dns_ns + HALF_NS) // UNIT_NS
        return Phases(dns, connect - dns, tls - connect, first_byte - tls, transfer - first_byte)
