"""What a server's certificate says."""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from quivive.domain.times import to_us

MAX_NAMES = 100
"""Subject alternative names kept; shared certificates have hundreds."""
REMEMBERED = 4096
"""Certificates whose facts are kept, since reading them costs a tenth of a handshake."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts, and how they were negotiated. Times in microseconds since the Unix epoch."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before_us: int
    not_after_us: int
    fingerprint: str
    """SHA-256 of the certificate, in hexadecimal."""
    protocol: str = ""
    """TLSv1.3"""
    cipher: str = ""


class Certificates:
    """Reads certificates; each only once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Certificate] = {}

    def read(self, tls: ssl.SSLObject) -> Certificate | None:
        """The verified certificate of the other side; None where there is none."""
        encoded = tls.getpeercert(binary_form=True)
        if encoded is None:
            return None
        known = self._known.get(encoded)
        cipher = tls.cipher()
        protocol, name = tls.version() or "", cipher[0] if cipher else ""
        if known is None or (known.protocol, known.cipher) != (protocol, name):
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            facts = parse(tls.getpeercert() or {}, encoded)
            known = self._known[encoded] = replace(facts, protocol=protocol, cipher=name)
        return known


def parse(facts: Mapping[str, Any], encoded: bytes) -> Certificate:
    """From the form in which Python's ssl shows a certificate."""
    return Certificate(
        subject=_name(facts.get("subject", ())),
        issuer=_name(facts.get("issuer", ())),
        names=tuple(str(value) for kind, value in facts.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))[
            :MAX_NAMES
        ],
        not_before_us=_time_us(facts.get("notBefore")),
        not_after_us=_time_us(facts.get("notAfter")),
        fingerprint=hashlib.sha256(encoded).hexdigest(),
    )


def _name(name: Any) -> str:
    """CN=R3, O=Let's Encrypt, C=US"""
    short = {"commonName": "CN", "organizationName": "O", "countryName": "C"}
    parts = {short[key]: value for group in name for key, value in group if key in short}
    return ", ".join(f"{key}={parts[key]}" for key in ("CN", "O", "C") if key in parts)


def _time_us(text: object) -> int:
    if not isinstance(text, str):
        return 0
    return to_us(datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC))
