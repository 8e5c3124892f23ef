"""What a server shows whose certificate was refused: a second handshake, unverified, for evidence alone."""

import asyncio
from dataclasses import dataclass

from probe_agent.certificates import Certificate, names_issuers_place, read
from probe_agent.stream import open_stream
from probe_agent.tls import Client

WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Presented:
    """A chain as it was sent."""

    certificate: Certificate
    lacks_link: bool
    """Nothing but the certificate came, although it names a place where its issuer's can be had: as public authorities do."""


async def presented(client: Client, address: str, host: str, deadline: float) -> Presented | None:
    """The chain at `address` (with port), None when it cannot be had soon. `deadline` is on the event loop's clock."""
    ip, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout_at(min(deadline, asyncio.get_running_loop().time() + WITHIN_S)):
            stream = await open_stream(ip.strip("[]"), int(port))
            try:
                tls = await stream.start_tls(client, host, verify=False)
            finally:
                stream.abort()
    except OSError:  # with it timeouts and TLS errors: then there is no evidence
        return None
    chain = tls.chain()
    certificate = read(chain[0], tls) if chain else None
    if certificate is None:
        return None
    return Presented(certificate, lacks_link=len(chain) == 1 and names_issuers_place(chain[0]))
