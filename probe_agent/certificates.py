"""What a server's certificate says."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from probe_agent.tls import Conversation
from quivive.domain.times import to_us

MAX_NAMES = 100
"""Subject alternative names kept; shared certificates have hundreds."""
NAME_CHARACTERS = 300
"""Of one name: no host's is longer, what else a certificate says may be."""
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

    def read(self, tls: Conversation) -> Certificate | None:
        """The verified certificate of the other side; None where there is none, or none that can be read."""
        encoded = tls.certificate()
        if encoded is None:
            return None
        known = self._known.get(encoded)
        if known is None or (known.protocol, known.cipher) != (tls.version, tls.cipher):
            known = read(encoded, tls)
            if known is not None:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[encoded] = known
        return known


def read(encoded: bytes, tls: Conversation) -> Certificate | None:
    """The facts of a certificate, None where it cannot be read: OpenSSL puts up with more than a strict reader."""
    try:
        certificate = x509.load_der_x509_certificate(encoded)
        return Certificate(
            subject=_name(certificate.subject),
            issuer=_name(certificate.issuer),
            names=_names(certificate),
            not_before_us=to_us(certificate.not_valid_before_utc),
            not_after_us=to_us(certificate.not_valid_after_utc),
            fingerprint=hashlib.sha256(encoded).hexdigest(),
            protocol=tls.version,
            cipher=tls.cipher,
        )
    except (ValueError, x509.InvalidVersion):
        return None


def names_issuers_place(encoded: bytes) -> bool:
    """Whether a certificate says where its issuer's can be had, as those of public authorities do."""
    with suppress(ValueError, *_UNREADABLE):
        certificate = x509.load_der_x509_certificate(encoded)
        places = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        return any(place.access_method == AuthorityInformationAccessOID.CA_ISSUERS for place in places)
    return False


_UNREADABLE = x509.InvalidVersion, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType
_SHORT = (("CN", NameOID.COMMON_NAME), ("O", NameOID.ORGANIZATION_NAME), ("C", NameOID.COUNTRY_NAME))


def _name(name: x509.Name) -> str:
    """CN=R3, O=Let's Encrypt, C=US"""
    found = [(short, name.get_attributes_for_oid(oid)) for short, oid in _SHORT]
    return ", ".join(f"{short}={parts[-1].value!s}" for short, parts in found if parts)[:NAME_CHARACTERS]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    with suppress(ValueError, *_UNREADABLE):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(
            str(name.value)[:NAME_CHARACTERS] for name in names if isinstance(name, x509.DNSName | x509.IPAddress)
        )[:MAX_NAMES]
    return ()
