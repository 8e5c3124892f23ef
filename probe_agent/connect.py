"""From a host's name to a connection: resolve, refuse what is not allowed, try one address after the other."""

import asyncio
import errno
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from probe_agent import classify
from probe_agent.failures import Failed
from probe_agent.guard import Network, is_allowed
from probe_agent.phases import Phase, Stopwatch
from probe_agent.resolve import Resolver
from probe_agent.stream import Stream, open_stream
from quivive.domain.times import to_us

MAX_ADDRESSES = 4
"""Addresses tried per hop."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all attempts of a process share."""

    resolver: Resolver
    tls: ssl.SSLContext
    allowed: Sequence[Network] = ()


@dataclass(slots=True)
class Course:
    """What one attempt has been through so far; it stays readable however the attempt ends."""

    watch: Stopwatch
    deadline: float
    """On the event loop's clock."""
    avoid: frozenset[str] = frozenset()
    """Addresses with port that have just failed: others go first."""
    address: str = ""
    """The address that was tried last, with its port."""
    certificate_expire_us: int | None = None

    def enter(self, phase: Phase) -> None:
        self.watch.enter(phase, time.monotonic_ns())


async def connect(surroundings: Surroundings, course: Course, host: str, port: int) -> Stream:
    """A connection to `host`. Failed with the last address's verdict when there is none."""
    found = await surroundings.resolver.addresses(host)
    allowed = [address for address in found if is_allowed(address, surroundings.allowed)]
    if not allowed:
        raise Failed(classify.address_forbidden(host, found[0]))
    course.enter(Phase.CONNECT)
    candidates = in_order(allowed, port, course.avoid)[:MAX_ADDRESSES]
    for position, address in enumerate(candidates, 1):
        course.address = with_port(address, port)
        is_last = position == len(candidates)
        # With another address to try, one that does not answer may take no more than half of what is left.
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(None if is_last else (now + course.deadline) / 2):
                return await open_stream(address, port)
        except OSError as error:
            if is_last:
                raise Failed(classify.connect_failed(_errno(error), course.address)) from error
    raise AssertionError("the last address either connects or fails")


async def secure(surroundings: Surroundings, course: Course, stream: Stream, host: str) -> None:
    """The TLS handshake; notes how long the certificate is valid. ssl.SSLError or OSError when it fails."""
    course.enter(Phase.TLS)
    session = await stream.start_tls(surroundings.tls, host)
    not_after = (session.getpeercert() or {}).get("notAfter")
    if isinstance(not_after, str):
        expire = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
        course.certificate_expire_us = to_us(expire)


def in_order(addresses: Sequence[str], port: int, avoid: frozenset[str]) -> list[str]:
    """Families alternate (RFC 8305), and what has just failed comes last."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    other = [address for address in addresses if address not in first]
    order = []
    while first or other:
        order += first[:1] + other[:1]
        first, other = first[1:], other[1:]
    return sorted(order, key=lambda address: with_port(address, port) in avoid)


def with_port(address: str, port: int) -> str:
    """192.0.2.7:443, [2001:db8::7]:443"""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _errno(error: OSError) -> int | None:
    if error.errno is None and isinstance(error, TimeoutError):
        return errno.ETIMEDOUT
    return error.errno
