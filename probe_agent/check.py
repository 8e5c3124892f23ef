"""CHECK: one attempt at a site, from its name to a verdict.

1. One deadline over everything; the phase it strikes in is the failure.
2. Ask, following redirects hop by hop, each on a fresh connection to an allowed address.
3. The status decides first, then the text, then the time taken; reading stops once they have.
4. What a failing attempt saw goes along as evidence.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import structlog

from probe_agent import classify
from probe_agent.checks import Check
from probe_agent.classify import Verdict
from probe_agent.clock import now_us
from probe_agent.connect import Course, Surroundings
from probe_agent.credentials import Missing, authorization
from probe_agent.evidence import gather
from probe_agent.expectations import EXCERPT_CHARACTERS, Body
from probe_agent.failures import Failed
from probe_agent.phases import Stopwatch
from probe_agent.results import Result
from probe_agent.targets import HttpTarget
from probe_agent.transport import FreshTransport
from quivive.domain.checks import PLACEHOLDER
from quivive.domain.words import Outcome

log = structlog.get_logger(__name__)

MAX_REDIRECTS = 10
MAX_BODY_CHARACTERS = 1024 * 1024
EXCERPT_WITHIN_S = 1.0
"""How long a failing response may take to show its first lines."""


class Checker:
    """Makes attempts with the identity and the surroundings of one agent."""

    def __init__(self, surroundings: Surroundings, user_agent: str) -> None:
        self._surroundings = surroundings
        self._user_agent = user_agent

    async def attempt(self, check: Check, slot_us: int, attempt: int, avoid: frozenset[str] = frozenset()) -> Result:
        """One attempt; never raises for what a site does. `avoid`: addresses with port to try last."""
        course = Course(
            watch=Stopwatch(time.monotonic_ns()),
            deadline=asyncio.get_running_loop().time() + check.timeout_us / 1e6,
            avoid=avoid,
        )
        target = check.target
        assert isinstance(target, HttpTarget)
        visit = Visit(target, FreshTransport(self._surroundings, course), self._user_agent)
        try:
            async with asyncio.timeout_at(course.deadline):
                verdict = await visit.make()
        except TimeoutError:
            verdict = visit.decided or classify.timed_out(course.watch.phase, check.timeout_us)
        except Failed as failure:
            verdict = failure.verdict
        except Exception as error:
            log.exception("attempt.broken", check=check.name)
            verdict = classify.agent_failed(f"{type(error).__name__}: {error}")
        finally:
            await visit.leave()
        phases = course.watch.read(time.monotonic_ns())
        return Result(
            check=check.id,
            revision=check.revision,
            slot_us=slot_us,
            attempt=PLACEHOLDER if verdict.outcome is Outcome.PROBE_ERROR else attempt,
            outcome=verdict.outcome,
            end_us=now_us(),
            cause=verdict.cause,
            phases=phases,
            http_status=visit.status,
            evidence=None
            if verdict.outcome is Outcome.UP
            else gather(verdict.detail, course, visit.url, visit.response, visit.body.excerpt),
        )


class Visit:
    """The conversation of one attempt; what it has come to stays readable after it broke off."""

    def __init__(self, target: HttpTarget, transport: FreshTransport, user_agent: str) -> None:
        self._target = target
        self._transport = transport
        self._user_agent = user_agent
        self.url: str | httpx.URL = target.url
        self.response: httpx.Response | None = None
        self.body = Body(target)
        self.decided: Verdict | None = None
        """Set while only evidence is still gathered: a deadline that strikes then changes nothing."""

    @property
    def status(self) -> int:
        """The last response's status, 0 without one."""
        return self.response.status_code if self.response is not None else 0

    async def make(self) -> Verdict:
        """Get the target and compare it with what is expected. Failed when it cannot be got."""
        response = await self._follow()
        verdict = classify.status_answered(self._target, response.status_code, response.headers)
        if verdict.outcome is not Outcome.UP:
            self.decided = verdict
            await self._read_excerpt(response)
            return verdict
        verdict = classify.content_found(self._target, self.body.finding(cut=await self._read(response)))
        if verdict.outcome is not Outcome.UP:
            return verdict
        return classify.time_taken(self._target, self._transport.course.watch.elapsed_ns(time.monotonic_ns()))

    async def leave(self) -> None:
        """Hang up."""
        await self._transport.aclose()

    async def _follow(self) -> httpx.Response:
        """The response at the end of the redirects. A redirect that the target expects is not followed."""
        client = httpx.AsyncClient(transport=self._transport, trust_env=False)
        headers = httpx.Headers({"User-Agent": self._user_agent, "Accept": "*/*", "Connection": "close"})
        headers.update(self._target.headers)
        if self._target.auth is not None:
            try:
                headers["Authorization"] = authorization(self._target.auth)
            except Missing as error:
                raise Failed(classify.agent_failed(str(error))) from error
        request = client.build_request(
            self._target.method, self._target.url, headers=headers, content=self._target.body or None
        )
        for _ in range(MAX_REDIRECTS + 1):
            self.url, self.response = request.url, None
            try:
                self.response = response = await client.send(request, stream=True)
            except httpx.RemoteProtocolError as error:  # the transport raises Failed: this one is about a Location
                raise Failed(classify.redirect_broken(str(error))) from error
            if not response.has_redirect_location or response.status_code in self._target.expect_status:
                return response
            request = _next_request(response, self._target)
        raise Failed(classify.redirected_too_often(MAX_REDIRECTS))

    async def _read(self, response: httpx.Response) -> bool:
        """Read until the text is decided. True when the end was not reached."""
        characters = 0
        async for text in _texts(response):
            characters += len(text)
            if self.body.feed(text) or characters >= MAX_BODY_CHARACTERS:
                return True
        return False

    async def _read_excerpt(self, response: httpx.Response) -> None:
        """The first lines, for a person; the verdict stands without them."""
        try:
            async with asyncio.timeout(EXCERPT_WITHIN_S):
                async for text in _texts(response):
                    self.body.feed(text)
                    if len(self.body.excerpt) >= EXCERPT_CHARACTERS:
                        break
        except (Failed, TimeoutError):
            log.debug("excerpt.cut", url=str(self.url))


def _next_request(response: httpx.Response, target: HttpTarget) -> httpx.Request:
    """The redirect's request; headers that were declared for one site are not carried to a stranger."""
    request = response.next_request
    if request is None or request.url.scheme not in ("http", "https") or not request.url.host:
        raise Failed(classify.redirect_broken(response.headers.get("location", "")))
    here, there = response.url.host.lower(), request.url.host.lower()
    if not (here == there or here.endswith("." + there) or there.endswith("." + here)):
        for name, _ in target.headers:
            if name.lower() not in ("user-agent", "accept", "host"):
                request.headers.pop(name, None)
    return request


async def _texts(response: httpx.Response) -> AsyncIterator[str]:
    """The body, unpacked and decoded, piece by piece. Failed when it is not what it says it is."""
    try:
        async for text in response.aiter_text():
            yield text
    except httpx.DecodingError as error:
        raise Failed(classify.response_broken(ended=False, begun=True, reason=str(error))) from error
