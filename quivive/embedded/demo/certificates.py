"""A certificate authority of the farm's own, with a good and an expired certificate."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

EXPIRED_SINCE = timedelta(hours=1)


class Certificates:
    """Of HTTPS servers at `names` (host names or addresses)."""

    def __init__(self, *names: str) -> None:
        self._authority = trustme.CA(organization_name="Quivive demo")
        now = datetime.now(UTC)
        since, until = now - timedelta(days=90), now - EXPIRED_SINCE
        self._good = self._authority.issue_cert(*names)
        self._expired = self._authority.issue_cert(*names, not_before=since, not_after=until)

    def good(self) -> ssl.SSLContext:
        return _context(self._good)

    def expired(self) -> ssl.SSLContext:
        return _context(self._expired)

    def write_trusted(self, path: Path) -> None:
        """Write what a client has to trust: this authority, beside those that the system trusts."""
        system = ssl.get_default_verify_paths().cafile
        others = Path(system).read_bytes() if system and Path(system).exists() else b""
        scratch = path.with_suffix(".new")
        scratch.write_bytes(self._authority.cert_pem.bytes() + others)
        scratch.rename(path)


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
