"""Things on the network that have nothing to do with the sites: whether they answer tells whether we can see."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from nats.aio.client import Client

from probe_agent.failures import Failed
from probe_agent.resolve import Resolver
from quivive.domain.words import Cause

TRY_S = 3.0
"""What does not answer within this does not answer."""
WELL_KNOWN_NAME = "a.root-servers.net"
"""Any answer will do, even that there is no such name: it has come from somewhere."""
RESOLVER, BROKER = "resolver", "broker"
DEFAULT = (RESOLVER, BROKER, "tcp://1.1.1.1:443", "tcp://9.9.9.9:443")
"""The two addresses are anycast, of two operators in two networks, and made for everybody's use."""
SCHEMES = {"tcp": None, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reference:
    """`resolver`, `broker`, tcp://host:port, or an http or https URL."""

    text: str
    scheme: str
    host: str = ""
    port: int = 0
    path: str = "/"


def parse_reference(text: str) -> Reference:
    """ValueError says what is wrong."""
    if text in (RESOLVER, BROKER):
        return Reference(text, text)
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError(f"{text}: not resolver, broker, tcp://host:port, http://... or https://...")
    port = parts.port or SCHEMES[parts.scheme]
    if port is None:
        raise ValueError(f"{text}: tcp needs a port")
    query = f"?{parts.query}" if parts.query else ""
    return Reference(text, parts.scheme, parts.hostname, port, (parts.path or "/") + query)


class References:
    """Tries references. They are the operator's own choice: no address is refused."""

    def __init__(self, references: Sequence[Reference], nc: Client, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._references = references
        self._nc = nc
        self._resolver = resolver
        self._tls = tls

    async def failing(self) -> dict[str, str]:
        """Those that do not answer, with the reason; independent ones only count once."""
        reasons = await asyncio.gather(*(self._reason(reference) for reference in self._references))
        failing: dict[tuple[str, str, int], tuple[str, str]] = {}
        for reference, reason in zip(self._references, reasons, strict=True):
            if reason is not None:
                scheme = reference.scheme if not reference.host else ""
                failing.setdefault((scheme, reference.host, reference.port), (reference.text, reason))
        return dict(failing.values())

    async def _reason(self, reference: Reference) -> str | None:
        try:
            async with asyncio.timeout(TRY_S):
                match reference.scheme:
                    case "broker":
                        return None if self._nc.is_connected else "not connected"
                    case "resolver":
                        return await self._resolve()
                    case _:
                        return await self._connect(reference)
        except TimeoutError:
            return "no answer in time"
        except Failed as failure:
            return failure.verdict.detail
        except (OSError, ssl.SSLError) as error:
            return str(error) or type(error).__name__

    async def _resolve(self) -> str | None:
        try:
            await self._resolver.addresses(WELL_KNOWN_NAME)
        except Failed as failure:
            if failure.verdict.cause not in (Cause.DNS_NXDOMAIN, Cause.DNS_NO_ADDRESS):
                return failure.verdict.detail
        return None

    async def _connect(self, reference: Reference) -> str | None:
        address = (await self._resolver.addresses(reference.host))[0]
        is_tls = reference.scheme == "https"
        reader, writer = await asyncio.open_connection(
            address,
            reference.port,
            ssl=self._tls if is_tls else None,
            server_hostname=reference.host if is_tls else None,
            limit=4096,
        )
        try:
            if reference.scheme == "tcp":
                return None
            request = f"HEAD {reference.path} HTTP/1.1\r\nHost: {reference.host}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            answer = await reader.read(5)
            return None if answer.startswith(b"HTTP/") else "no answer in HTTP"
        finally:
            with suppress(OSError):
                writer.transport.abort()
