"""A certificate authority of the farm's own, with a good and an expired certificate."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

EXPIRED_SINCE = timedelta(hours=1)


class Certificates:
    """Contexts for HTTPS servers at `names` (host names or addresses)."""

    def __init__(self, *names: str) -> None:
        self._authority = trustme.CA(organization_name="Quivive demo")
        self.good = self._context(names, expired=False)
        self.expired = self._context(names, expired=True)

    def _context(self, names: tuple[str, ...], *, expired: bool) -> ssl.SSLContext:
        now = datetime.now(UTC)
        leaf = (
            self._authority.issue_cert(*names, not_before=now - timedelta(days=90), not_after=now - EXPIRED_SINCE)
            if expired
            else self._authority.issue_cert(*names)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    def write_trusted(self, path: Path) -> None:
        """Write what a client has to trust: this authority, beside those that the system trusts."""
        system = ssl.get_default_verify_paths().cafile
        others = Path(system).read_bytes() if system and Path(system).exists() else b""
        scratch = path.with_suffix(".new")
        scratch.write_bytes(self._authority.cert_pem.bytes() + others)
        scratch.rename(path)
