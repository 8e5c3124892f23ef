"""From a host's name to a connection: resolve, refuse what is not allowed, let addresses race, shake hands."""

import asyncio
import errno
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probe_agent import classify
from probe_agent.certificates import Certificate, Certificates
from probe_agent.clock import now_us
from probe_agent.failures import Failed
from probe_agent.guard import Guard, Network
from probe_agent.phases import Phase, Stopwatch
from probe_agent.presented import presented
from probe_agent.resolve import ANY, Resolver, literal_address
from probe_agent.sessions import MAX_SESSIONS, Known, Server, Sessions
from probe_agent.stream import Stream, open_stream
from probe_agent.tls import Client, Conversation
from quivive.domain.words import Outcome

MAX_ADDRESSES = 4
"""Addresses tried per hop."""
STAGGER_S = 0.25
"""An address that has not answered by then gets company (RFC 8305, connection attempt delay)."""


class Surroundings:
    """What all attempts of a process share.

    `tls`: versions, ciphers and authorities, `anchors`: files and folders of further authorities. `allowed`: networks that may be
    targets although they are not public. `max_sessions`: TLS sessions kept for resumption; with 0 every handshake is a full one.
    """

    def __init__(
        self,
        resolver: Resolver,
        tls: ssl.SSLContext,
        allowed: Sequence[Network] = (),
        max_sessions: int = MAX_SESSIONS,
        anchors: Sequence[Path] = (),
    ) -> None:
        self.resolver = resolver
        self.tls = tls
        self.client = Client(tls, anchors)
        self.guard = Guard(allowed)
        self.sessions = Sessions(max_sessions)
        self.certificates = Certificates()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A certificate that a server showed, accepted or not."""

    server: Server
    certificate: Certificate
    verified: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """A server after a full handshake. `can_resume`: nothing says yet that it would not resume a session."""

    server: Server
    tls: Conversation
    certificate: Certificate
    can_resume: bool


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
    resolved: tuple[str, ...] = ()
    """The addresses that the last name had."""
    sightings: list[Sighting] = field(default_factory=list)
    verified: list[Verified] = field(default_factory=list)
    """Full handshakes of this attempt."""

    def enter(self, phase: Phase) -> None:
        self.watch.enter(phase, time.monotonic_ns())

    @property
    def certificate(self) -> Certificate | None:
        """The last one that was seen."""
        return self.sightings[-1].certificate if self.sightings else None


async def connect(surroundings: Surroundings, course: Course, host: str, port: int, family: int = ANY) -> Stream:
    """A connection to `host` over `family` (4, 6 or any). Failed with the verdict of the DNS or of an address."""
    course.enter(Phase.DNS)
    literal = literal_address(host) if family == ANY else None
    found = [literal] if literal is not None else await surroundings.resolver.addresses(host, family)
    course.resolved = () if literal is not None else tuple(found)
    allowed = [address for address in found if surroundings.guard.allows(address)]
    if not allowed:
        raise Failed(classify.address_forbidden(host, found[0]))
    course.enter(Phase.CONNECT)
    if len(allowed) > 1:
        return await _race(course, in_order(allowed, port, course.avoid)[:MAX_ADDRESSES], port)
    course.address = with_port(allowed[0], port)
    try:
        return await open_stream(allowed[0], port)
    except OSError as error:
        raise Failed(classify.connect_failed(_errno(error), course.address)) from error


async def _race(course: Course, addresses: Sequence[str], port: int) -> Stream:
    """The first connection of several that start one after the other: when one failed, or has not answered soon."""
    waiting = list(addresses)
    racing: dict[asyncio.Task[Stream], str] = {}
    failed: list[tuple[str, OSError]] = []
    try:
        while waiting or racing:
            if waiting:
                course.address = with_port(waiting[0], port)
                racing[asyncio.create_task(open_stream(waiting.pop(0), port))] = course.address
            done, _ = await asyncio.wait(
                racing, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is None:
                    course.address = racing.pop(task)
                    return task.result()
                if not isinstance(error, OSError):
                    raise error
                failed.append((racing.pop(task), error))
    finally:
        for task in racing:
            task.cancel()
            task.add_done_callback(_hang_up)
    verdicts = [(classify.connect_failed(_errno(error), address), address) for address, error in failed]
    # That our machine has no route for one family says nothing of a site that fails over the other.
    verdict, course.address = max(verdicts, key=lambda entry: entry[0].outcome is Outcome.DOWN)
    raise Failed(verdict)


def _hang_up(task: asyncio.Task[Stream]) -> None:
    """For a connection that came second."""
    if not task.cancelled() and task.exception() is None:
        task.result().abort()


async def secure(
    surroundings: Surroundings, course: Course, stream: Stream, host: str, *, speaks_first: bool = False
) -> None:
    """The TLS handshake, resumed where that is as good as a full one. Failed or OSError when it fails.

    `speaks_first`: what follows at once is a write.
    """
    course.enter(Phase.TLS)
    server = host, course.address
    known = surroundings.sessions.find(server, asyncio.get_running_loop().time(), now_us())
    try:
        session = known.session if known is not None else None
        tls = await stream.start_tls(surroundings.client, host, session, speaks_first=speaks_first)
    except ssl.SSLCertVerificationError as error:
        surroundings.sessions.forget(server)
        raise Failed(await _distrusted(surroundings, course, server, error)) from error
    except ssl.SSLError as error:
        surroundings.sessions.forget(server)
        raise Failed(classify.handshake_failed(getattr(error, "reason", None) or "the server hung up", host)) from error
    if known is not None and tls.is_resumed:
        course.sightings.append(Sighting(server, known.certificate, verified=True))
        return
    certificate = surroundings.certificates.read(tls)
    if certificate is not None:
        course.sightings.append(Sighting(server, certificate, verified=True))
        if known is None or known.session is not None:
            surroundings.sessions.forget(server)
            course.verified.append(Verified(server, tls, certificate, can_resume=known is None))


async def _distrusted(
    surroundings: Surroundings, course: Course, server: Server, error: ssl.SSLCertVerificationError
) -> classify.Verdict:
    """Why a certificate was refused. OpenSSL tells nothing of one that it refuses, so it is asked for once more."""
    host, _ = server
    shown = await presented(surroundings.client, course.address, host, course.deadline)
    if shown is not None:
        course.sightings.append(Sighting(server, shown.certificate, verified=False))
    lacks_link = shown is not None and shown.lacks_link
    return classify.certificate_refused(error.verify_code, error.verify_message, host, lacks_link=lacks_link)


def settle(surroundings: Surroundings, course: Course, *, is_good: bool) -> None:
    """After an attempt: sessions of a good one may be resumed, those of any other are verified in full the next time.

    Only now: servers send their tickets after the handshake.
    """
    sessions = surroundings.sessions
    if not is_good:
        for sighting in course.sightings:
            sessions.forget(sighting.server)
        return
    now = asyncio.get_running_loop().time()
    for verified in course.verified:
        if sessions.has_room(verified.server, now):
            session = verified.tls.session() if verified.can_resume else None
            sessions.add(verified.server, Known(session, verified.certificate, now))


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
