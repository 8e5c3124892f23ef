"""Which certificates are worth telling of: new ones, and every few hours those that are still there."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from probe_agent.connect import Sighting
from probe_agent.results import HopTaken
from quivive.domain.times import SECOND_US
from quivive.v1 import bus_pb2

AGAIN_US = 6 * 3600 * SECOND_US
REMEMBERED = 100_000


class Sightings:
    """Remembers by check and server what was told."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, str], tuple[str, bool, int]] = {}

    def news(self, check: int, seen: Iterable[Sighting], now_us: int) -> tuple[Sighting, ...]:
        """Those that the aggregator does not know from us yet, or should be reminded of."""
        return tuple(sighting for sighting in seen if self._is_news(check, sighting, now_us))

    def _is_news(self, check: int, sighting: Sighting, now_us: int) -> bool:
        key = check, sighting.server[0]
        told = self._told.get(key)
        fingerprint = sighting.certificate.fingerprint
        if told is not None and told[:2] == (fingerprint, sighting.verified) and now_us - told[2] < AGAIN_US:
            return False
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        self._told[key] = fingerprint, sighting.verified, now_us
        return True


def encode_sighting(result: int, sighting: Sighting) -> bus_pb2.CertificateSighting:
    """As the bus has it; `result` is the index of the result that it belongs to."""
    host, address = sighting.server
    certificate = sighting.certificate
    return bus_pb2.CertificateSighting(
        result=result,
        host=host,
        address=address,
        subject=_text(certificate.subject),
        issuer=_text(certificate.issuer),
        names=[_text(name) for name in certificate.names],
        not_before=_timestamp(certificate.not_before_us),
        not_after=_timestamp(certificate.not_after_us),
        fingerprint=certificate.fingerprint,
        protocol=certificate.protocol,
        cipher=certificate.cipher,
        verified=sighting.verified,
    )


def encode_hop(hop: HopTaken) -> bus_pb2.Hop:
    """As the bus has it."""
    return bus_pb2.Hop(
        url=_text(hop.url),
        address=hop.address,
        status=hop.status,
        dns=hop.phases.dns,
        connect=hop.phases.connect,
        tls=hop.phases.tls,
        first_byte=hop.phases.first_byte,
        transfer=hop.phases.transfer,
    )


def _timestamp(us: int) -> Timestamp:
    moment = Timestamp()
    moment.FromMicroseconds(us)
    return moment


def _text(text: str) -> str:
    """Text that a message can hold: names in certificates are whatever an authority let through."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
