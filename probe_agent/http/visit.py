"""The conversation of one attempt at a web page; what it has come to stays readable after it broke off.

1. Send the request, follow redirects hop by hop, each on a fresh connection to an allowed address.
2. The status decides first, then the text, then the time taken; reading stops once they have.
3. What a failing page is known as explains its failure.
"""

import asyncio
import time

import structlog

from probe_agent import classify
from probe_agent.classify import Verdict
from probe_agent.expectations import MAX_CHARACTERS, Body
from probe_agent.failures import Failed
from probe_agent.http.decoding import BadEncoding, Decoder
from probe_agent.http.evidence import gather, without_credentials
from probe_agent.http.exchange import Exchange
from probe_agent.http.redirects import Redirects, location_of
from probe_agent.http.request import BadRequest, Header, Hop, prepare
from probe_agent.http.target import first_hop
from probe_agent.http.transport import FreshTransport
from probe_agent.phases import Phase, Phases
from probe_agent.results import Evidence, HopTaken
from probe_agent.signatures import recognise
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome

log = structlog.get_logger(__name__)

MAX_REDIRECTS = 10
EXPLAINED_CHARACTERS = 16 * 1024
"""How much of a failing page is read to learn what it is,"""
EXPLAINED_WITHIN_S = 1.0
"""and how long that may take."""


class HttpVisit:
    """One attempt at `target`."""

    def __init__(
        self, target: HttpTarget, transport: FreshTransport, user_agent: str, *, wants_all: bool = False
    ) -> None:
        self._target = target
        self._transport = transport
        self._user_agent = user_agent
        self._url = target.url
        self._exchange: Exchange | None = None
        self._hops: list[HopTaken] = []
        self.body = Body(target, wants_all=wants_all)
        self.is_whole = False
        """The page was read to its end."""
        self.decided: Verdict | None = None
        """Set while only the explanation is still gathered: a deadline that strikes then changes nothing."""

    @property
    def status(self) -> int:
        """The last response's status, 0 without one."""
        return self._exchange.status if self._exchange is not None else 0

    @property
    def headers(self) -> list[Header]:
        """The last response's."""
        return self._exchange.headers if self._exchange is not None and self._exchange.status else []

    @property
    def url(self) -> str:
        """The last hop's."""
        return self._url

    async def make(self) -> Verdict:
        """Get the target and compare it with what is expected. Failed when it cannot be got."""
        exchange = await self._follow()
        verdict = classify.status_answered(self._target, exchange.status, self._headers())
        if verdict.outcome is not Outcome.UP:
            self.decided = verdict
            return await self._explain(exchange, verdict)
        if self._target.method != "HEAD":
            content_type = self._header(b"content-type").lower()
            cut = await self._read(exchange)
            self.is_whole = not cut
            finding = self.body.finding(
                cut=cut, status=exchange.status, is_page=exchange.status == 200 and "html" in content_type
            )
            verdict = classify.content_found(self._target, finding)
            if verdict.outcome is not Outcome.UP:
                return verdict
        return classify.time_taken(self._target, self._transport.course.watch.elapsed_ns(time.monotonic_ns()))

    def timed_out(self, timeout_us: int) -> Verdict:
        """What it means that the deadline has struck now."""
        if self.decided is not None:
            return self.decided
        exchange, phase = self._exchange, self._transport.course.watch.phase
        if exchange is not None and exchange.status and phase is Phase.TRANSFER:
            quiet_s = (time.monotonic_ns() - exchange.last_ns) / 1e9
            return classify.body_timed_out(timeout_us, exchange.received, quiet_s)
        return classify.timed_out(phase, timeout_us)

    def evidence(self, verdict: Verdict, phases: Phases) -> Evidence:
        """What is kept of it. `phases` are the whole attempt's."""
        if self._hops:
            self._hops.append(self._hop(phases))
        return gather(verdict.detail, self._transport.course, self._url, self.headers, self.body, self._hops)

    def leave(self) -> None:
        self._transport.hang_up()

    async def _follow(self) -> Exchange:
        """The response at the end of the redirects. A redirect that the target expects is not followed."""
        try:
            hop = first_hop(self._target, self._user_agent)
        except BadRequest as error:
            raise Failed(classify.agent_failed(str(error))) from error
        redirects: Redirects | None = None
        for _ in range(MAX_REDIRECTS + 1):
            exchange = await self._send(hop, is_first=redirects is None)
            location = location_of(exchange.status, exchange.headers)
            if location is None or exchange.status in self._target.expect_status:
                return exchange
            if redirects is None:
                redirects = Redirects(self._target, self._user_agent)
            request = redirects.follow(exchange.status, exchange.headers, location)
            self._hops.append(self._hop(self._transport.course.watch.read(time.monotonic_ns())))
            hop = prepare(request)
        repeated = redirects is not None and redirects.has_repeated
        raise Failed(classify.redirected_too_often(MAX_REDIRECTS, repeated=repeated))

    async def _send(self, hop: Hop, *, is_first: bool) -> Exchange:
        self._url, self._exchange = hop.url, None
        try:
            self._exchange = await self._transport.send(hop)
        except Failed as failed:
            if failed.verdict.cause is Cause.DNS_FORBIDDEN_ADDRESS and not is_first:
                raise Failed(classify.redirect_forbidden(failed.verdict)) from failed
            raise
        return self._exchange

    async def _read(self, exchange: Exchange) -> bool:
        """Read until the text is decided. True when the end was not reached. Failed when it breaks off."""
        decoder = self._decoder()
        while (piece := await self._transport.read(exchange)) is not None:
            try:
                for text in decoder.feed(piece):
                    if self.body.feed(text):
                        return True
            except BadEncoding as error:
                raise Failed(classify.response_malformed(str(error))) from error
            if exchange.received > MAX_RECEIVED_BYTES:
                return True
        if not decoder.is_whole:
            raise Failed(classify.response_truncated("in the compressed body"))
        return False

    async def _explain(self, exchange: Exchange, verdict: Verdict) -> Verdict:
        """What the page says about its failure; the verdict stands where it says nothing."""
        try:
            async with asyncio.timeout(EXPLAINED_WITHIN_S):
                decoder = self._decoder()
                while (piece := await self._transport.read(exchange)) is not None:
                    for text in decoder.feed(piece):
                        self.body.feed(text)
                        if self.body.characters >= EXPLAINED_CHARACTERS:
                            break
                    else:
                        continue
                    break
        except (Failed, BadEncoding, TimeoutError):
            log.debug("page.cut", url=without_credentials(self._url))
        signature = recognise(self.body.text, exchange.status)
        self.decided = classify.status_explained(verdict, exchange.status, signature)
        return self.decided

    def _decoder(self) -> Decoder:
        try:
            return Decoder(self._header(b"content-type"), self._header(b"content-encoding"))
        except BadEncoding as error:
            raise Failed(classify.response_malformed(str(error))) from error

    def _header(self, wanted: bytes) -> str:
        """The values of a header in one."""
        found = b""
        for name, value in self.headers:
            if name == wanted:
                found = found + b", " + value if found else value
        return found.decode("latin-1") if found else ""

    def _headers(self) -> dict[str, str]:
        """Those that tell who answered."""
        return {name.decode(): value.decode("latin-1") for name, value in self.headers if name in _TELLING}

    def _hop(self, phases: Phases) -> HopTaken:
        """The hop at hand, which has taken what those before it have not."""
        earlier = [hop.phases for hop in self._hops]
        return HopTaken(
            without_credentials(self._url), self._transport.course.address, self.status, phases.without(earlier)
        )


_TELLING = frozenset({b"cf-mitigated", b"x-amzn-waf-action"})
MAX_RECEIVED_BYTES = 4 * MAX_CHARACTERS
"""Bytes that may come for a page at most, whatever they unpack to."""
