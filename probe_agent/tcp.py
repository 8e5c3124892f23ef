"""CHECK of a TCP service: one attempt, from a host's name to what it answers.

1. Resolve, refuse addresses that may not be targets, connect to one after the other.
2. With TLS: shake hands, verify the certificate against the host.
3. Send what is to be sent, read until the expected bytes are there.
"""

import asyncio
import errno
import ssl
from datetime import UTC, datetime

from probe_agent import classify
from probe_agent.checks import Check
from probe_agent.classify import UP, Verdict
from probe_agent.connect import Surroundings, with_port
from probe_agent.failures import Failed
from probe_agent.guard import is_allowed
from probe_agent.observe import Progress, observe
from probe_agent.phases import Phase
from probe_agent.results import Result
from probe_agent.targets import TcpTarget
from quivive.domain.times import to_us
from quivive.domain.words import Cause, Outcome

MAX_ADDRESSES = 4
MAX_ANSWER_BYTES = 64 * 1024
EXCERPT_BYTES = 512
SHOWN_CHARACTERS = 100


class TcpChecker:
    """Makes attempts at TCP targets."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    async def attempt(
        self, check: Check, target: TcpTarget, slot_us: int, attempt: int, avoid: frozenset[str]
    ) -> Result:
        """One attempt; never raises for what a target does."""

        async def look(progress: Progress) -> Verdict:
            return await self._look(target, progress)

        return await observe(check, slot_us, attempt, avoid, look, target.max_latency_us)

    async def _look(self, target: TcpTarget, progress: Progress) -> Verdict:
        reader, writer = await self._connect(target, progress)
        try:
            if target.tls:
                await self._secure(target, progress, writer)
            return await _converse(target, progress, reader, writer)
        except OSError as error:
            raise Failed(classify.connection_lost(progress.address)) from error
        finally:
            writer.transport.abort()

    async def _connect(
        self, target: TcpTarget, progress: Progress
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        found = await self._surroundings.resolver.addresses(target.host)
        allowed = [address for address in found if is_allowed(address, self._surroundings.allowed)]
        if not allowed:
            raise Failed(classify.address_forbidden(target.host, found[0]))
        progress.enter(Phase.CONNECT)
        order = sorted(allowed, key=lambda address: with_port(address, target.port) in progress.avoid)[:MAX_ADDRESSES]
        for position, address in enumerate(order, 1):
            progress.address = with_port(address, target.port)
            is_last = position == len(order)
            # With another address to try, one that does not answer may take no more than half of what is left.
            now = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout_at(None if is_last else (now + progress.deadline) / 2):
                    return await asyncio.open_connection(address, target.port, limit=MAX_ANSWER_BYTES)
            except OSError as error:
                if is_last:
                    number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
                    raise Failed(classify.connect_failed(number, progress.address)) from error
        raise AssertionError("the last address either connects or fails")

    async def _secure(self, target: TcpTarget, progress: Progress, writer: asyncio.StreamWriter) -> None:
        progress.enter(Phase.TLS)
        try:
            await writer.start_tls(self._surroundings.tls, server_hostname=target.host)
        except ssl.SSLCertVerificationError as error:
            raise Failed(classify.tls_failed(error.verify_code, error.verify_message, target.host)) from error
        except ssl.SSLError as error:
            raise Failed(classify.tls_failed(None, error.reason or str(error), target.host)) from error
        except OSError as error:
            raise Failed(classify.tls_failed(None, "the server hung up", target.host)) from error
        not_after = (writer.get_extra_info("peercert") or {}).get("notAfter")
        if isinstance(not_after, str):
            expire = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
            progress.certificate_expire_us = to_us(expire)


async def _converse(
    target: TcpTarget, progress: Progress, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Verdict:
    if target.send:
        writer.write(target.send)
        await writer.drain()
    if not target.expect:
        return UP
    progress.enter(Phase.FIRST_BYTE)
    answer = bytearray()
    progress.overdue = Verdict(Outcome.DOWN, Cause.TCP_TIMEOUT, f"no answer from {progress.address}")
    while len(answer) < MAX_ANSWER_BYTES:
        data = await reader.read(MAX_ANSWER_BYTES - len(answer))
        if not data:
            break
        if not answer:
            progress.enter(Phase.TRANSFER)
        answer += data
        if target.expect in answer:
            return UP
        progress.excerpt = answer[:EXCERPT_BYTES].decode("utf-8", "replace")
        progress.overdue = _wrong(target, "the answer so far")
    if not answer:
        detail = f"{progress.address} hung up without an answer"
        return Verdict(Outcome.DOWN, Cause.TCP_WRONG_ANSWER, detail)
    return _wrong(target, "the answer")


def _wrong(target: TcpTarget, what: str) -> Verdict:
    expected = target.expect.decode("utf-8", "replace")[:SHOWN_CHARACTERS]
    return Verdict(Outcome.DOWN, Cause.TCP_WRONG_ANSWER, f"{what} lacks {expected!r}")
