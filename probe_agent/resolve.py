"""Turning host names into addresses, without the system's thread pool and without remembering an answer."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address

import aiodns
import pycares

from probe_agent.classify import dns_failed
from probe_agent.failures import Failed

FRESH_S = 0.4
"""c-ares keeps answers for as long as a channel lives, so a channel lives less than the gap between two attempts."""
TRY_S = 2.0
TRIES = 3


class Resolver:
    """Looks names up at `servers` (host:port), or at the system's resolvers, the system's hosts file included."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = list(servers)
        self._channel: aiodns.DNSResolver | None = None
        self._opened = 0.0
        self._lookups: dict[aiodns.DNSResolver, int] = {}

    async def addresses(self, host: str) -> list[str]:
        """Addresses of `host`, both families, the most reachable first (RFC 6724). Failed with the DNS cause."""
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        channel = await self._fresh_channel()
        self._lookups[channel] += 1
        try:
            found = await channel.getaddrinfo(host, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else None
            raise Failed(dns_failed(str(pycares.errno.errorcode.get(code, code)), host)) from error
        finally:
            self._lookups[channel] -= 1
            await self._close_idle()
        addresses = [node.addr[0].decode() for node in found.nodes]
        if not addresses:
            raise Failed(dns_failed("ARES_ENODATA", host))
        return list(dict.fromkeys(addresses))

    async def close(self) -> None:
        """End what is still looked up."""
        self._channel = None
        for channel in list(self._lookups):
            del self._lookups[channel]
            await channel.close()

    async def _fresh_channel(self) -> aiodns.DNSResolver:
        now = asyncio.get_running_loop().time()
        if self._channel is None or now - self._opened > FRESH_S:
            self._channel = aiodns.DNSResolver(
                self._servers or None, flags=pycares.ARES_FLAG_NOSEARCH, timeout=TRY_S, tries=TRIES
            )
            self._opened = now
            self._lookups[self._channel] = 0
            await self._close_idle()
        return self._channel

    async def _close_idle(self) -> None:
        for channel in [c for c, lookups in self._lookups.items() if lookups == 0 and c is not self._channel]:
            del self._lookups[channel]
            await channel.close()
