"""Turning host names into addresses, without the system's thread pool and without remembering an answer.

A and AAAA are asked for at once and answered apart (RFC 8305): name servers that drop one kind of question are not rare.
"""

import asyncio
import socket
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address

import aiodns
import pycares

from probe_agent.classify import dns_failed
from probe_agent.failures import Failed
from quivive.domain.words import Cause

CHANNEL_S = 10.0
"""How long a channel is used. c-ares keeps answers in it, so that a name that was asked for in it needs another one."""
TRY_S = 2.0
TRIES = 3
OTHER_FAMILY_S = 0.05
"""How long addresses of one family wait for the other's (RFC 8305, resolution delay)."""

ANY = 0
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class Resolver:
    """Looks names up at `servers` (host:port), or at the system's resolvers, the system's hosts file included."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = list(servers)
        self._channel: aiodns.DNSResolver | None = None
        self._opened = 0.0
        self._asked: set[tuple[str, int]] = set()
        self._lookups: dict[aiodns.DNSResolver, int] = {}

    async def addresses(self, host: str, family: int = ANY) -> list[str]:
        """Addresses of `host` (of family 4 or 6 alone, if said), IPv6 first. Failed with the DNS cause."""
        literal = literal_address(host)
        if literal is not None:
            if family != ANY and (":" in literal) != (family == 6):
                raise Failed(dns_failed("ARES_ENODATA", host))
            return [literal]
        if family != ANY:
            return await self._look_up(host, FAMILIES[family])
        return await self._either(host)

    async def close(self) -> None:
        """End what is still looked up."""
        self._channel = None
        for channel in list(self._lookups):
            del self._lookups[channel]
            await channel.close()

    async def _either(self, host: str) -> list[str]:
        """Both families; the second is not waited for much longer than the first. Failed when neither has any."""
        six, four = (asyncio.ensure_future(self._look_up(host, FAMILIES[number])) for number in (6, 4))
        waiting = {six, four}
        try:
            timeout: float | None = None
            while waiting:
                done, waiting = await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                if any(lookup.exception() is None for lookup in done):
                    timeout = OTHER_FAMILY_S
        finally:
            for lookup in waiting:
                lookup.cancel()
        found = [lookup for lookup in (six, four) if lookup.done() and not lookup.cancelled()]
        addresses = [address for lookup in found if lookup.exception() is None for address in lookup.result()]
        if addresses:
            return addresses
        # No address in one family says less than whatever went wrong with the other.
        failures = [error for lookup in found if isinstance(error := lookup.exception(), Failed)]
        raise min(failures, key=lambda failure: failure.verdict.cause is Cause.DNS_NO_ADDRESS)

    async def _look_up(self, host: str, family: socket.AddressFamily) -> list[str]:
        channel = await self._fresh_channel(host.lower(), family)
        self._lookups[channel] += 1
        try:
            found = await channel.getaddrinfo(host, family=family, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            code = error.args[0] if error.args else None
            raise Failed(dns_failed(str(pycares.errno.errorcode.get(code, code)), host)) from error
        finally:
            if channel in self._lookups:
                self._lookups[channel] -= 1
            await self._close_idle()
        addresses = [node.addr[0].decode() for node in found.nodes]
        if not addresses:
            raise Failed(dns_failed("ARES_ENODATA", host))
        return list(dict.fromkeys(addresses))

    async def _fresh_channel(self, host: str, family: int) -> aiodns.DNSResolver:
        """A channel that has no answer to this question yet."""
        now = asyncio.get_running_loop().time()
        if self._channel is None or now - self._opened > CHANNEL_S or (host, family) in self._asked:
            self._channel = aiodns.DNSResolver(
                self._servers or None, flags=pycares.ARES_FLAG_NOSEARCH, timeout=TRY_S, tries=TRIES
            )
            self._opened = now
            self._asked.clear()
            self._lookups[self._channel] = 0
            await self._close_idle()
        self._asked.add((host, family))
        return self._channel

    async def _close_idle(self) -> None:
        for channel in [c for c, lookups in self._lookups.items() if lookups == 0 and c is not self._channel]:
            del self._lookups[channel]
            await channel.close()


@lru_cache(maxsize=4096)
def literal_address(host: str) -> str | None:
    """The address that a host's name is, if it is one. A number in any other form than the usual is looked up as a name."""
    if host[-1:].isdigit() or ":" in host:
        try:
            return str(ip_address(host))
        except ValueError:
            pass
    return None
