"""What a server shows whose certificate was refused: a second handshake, unverified, for evidence alone."""

import asyncio
import ssl
from dataclasses import dataclass, replace

from probe_agent.certificates import Certificate, parse
from probe_agent.stream import open_stream

WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Presented:
    """A chain as it was sent."""

    certificate: Certificate
    lacks_link: bool
    """Nothing but the certificate came, although it names a place where its issuer's can be had: as public authorities do."""


_UNVERIFIED = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


async def presented(address: str, host: str, deadline: float) -> Presented | None:
    """The chain at `address` (with port), None when it cannot be had soon. `deadline` is on the event loop's clock."""
    ip, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + WITHIN_S)):
            stream = await open_stream(ip.strip("[]"), int(port))
            try:
                return _read(await stream.start_tls(_UNVERIFIED, host))
            finally:
                stream.abort()
    except OSError:  # with it timeouts and TLS errors: then there is no evidence
        return None


def _read(tls: ssl.SSLObject) -> Presented | None:
    # Public only from Python 3.13 on; getpeercert() is silent about what was not verified.
    chain = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
    encoded = tls.getpeercert(binary_form=True)
    if not chain or encoded is None:
        return None
    facts = chain[0].get_info()
    cipher = tls.cipher()
    certificate = replace(parse(facts, encoded), protocol=tls.version() or "", cipher=cipher[0] if cipher else "")
    return Presented(certificate, lacks_link=len(chain) == 1 and bool(facts.get("caIssuers")))
