"""CHECK of a TCP service: one attempt, from a host's name to what it answers.

1. Resolve, refuse addresses that may not be targets, let the others race.
2. With TLS: shake hands, verify the certificate against the host.
3. Send what is to be sent, read until the expected bytes are there.
"""

from probe_agent import classify
from probe_agent.checks import Check
from probe_agent.classify import UP, Verdict
from probe_agent.connect import Surroundings, connect, secure
from probe_agent.failures import Failed
from probe_agent.observe import Progress, observe
from probe_agent.phases import Phase
from probe_agent.results import Result
from probe_agent.stream import Stream
from probe_agent.targets import TcpTarget
from quivive.domain.words import Cause, Outcome

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
        stream = await connect(self._surroundings, progress, target.host, target.port, target.ip_family)
        try:
            if target.tls:
                await secure(self._surroundings, progress, stream, target.host)
            return await _converse(target, progress, stream)
        except OSError as error:
            raise Failed(classify.connection_lost(progress.address)) from error
        finally:
            stream.abort()


async def _converse(target: TcpTarget, progress: Progress, stream: Stream) -> Verdict:
    if target.send:
        stream.write(target.send)
    if not target.expect:
        return UP
    progress.enter(Phase.FIRST_BYTE)
    answer = bytearray()
    progress.overdue = Verdict(Outcome.DOWN, Cause.TCP_TIMEOUT, f"no answer from {progress.address}")
    while len(answer) < MAX_ANSWER_BYTES:
        data = await stream.read()
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
