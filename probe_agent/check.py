"""CHECK of a web page: one attempt, from a name to a verdict.

1. Who has asked us to stay away is left alone until then.
2. One deadline over everything; the phase it strikes in is the failure.
3. What the visit finds out, and how long each phase took, is the result.
4. What a failing attempt saw goes along as evidence, and certificates that are news.
"""

import asyncio
import time

import structlog

from probe_agent import classify, signatures
from probe_agent.checks import Check
from probe_agent.clock import now_us
from probe_agent.connect import Course, Surroundings, settle
from probe_agent.drift import Drifts
from probe_agent.failures import Failed
from probe_agent.holdoff import HoldOff
from probe_agent.http.transport import FreshTransport
from probe_agent.http.visit import HttpVisit
from probe_agent.phases import Stopwatch
from probe_agent.results import Evidence, Result
from probe_agent.sightings import Sightings
from probe_agent.targets import HttpTarget
from quivive.domain.checks import PLACEHOLDER
from quivive.domain.words import Outcome

log = structlog.get_logger(__name__)


class Checker:
    """Makes attempts with the identity and the surroundings of one agent."""

    def __init__(self, surroundings: Surroundings, user_agent: str, *, always_evidence: bool = False) -> None:
        self._surroundings = surroundings
        self._always_evidence = always_evidence
        signatures.load()  # now, or it would be billed to the first site
        self._user_agent = user_agent
        self._holdoff = HoldOff()
        self._sightings = Sightings()
        self._drifts = Drifts()

    async def attempt(self, check: Check, slot_us: int, attempt: int, avoid: frozenset[str] = frozenset()) -> Result:
        """One attempt; never raises for what a site does. `avoid`: addresses with port to try last."""
        held = self._holdoff.verdict(check.id, now_us())
        if held is not None:
            return Result(
                check.id,
                check.revision,
                slot_us,
                PLACEHOLDER,
                held.outcome,
                now_us(),
                held.cause,
                evidence=Evidence(held.detail),
            )
        loop = asyncio.get_running_loop()
        course = Course(Stopwatch(time.monotonic_ns()), loop.time() + check.timeout_us / 1e6, avoid)
        assert isinstance(check.target, HttpTarget)
        transport = FreshTransport(self._surroundings, course, check.target.ip_family)
        visit = HttpVisit(check.target, transport, self._user_agent, wants_all=self._drifts.wants(check, now_us()))
        try:
            async with asyncio.timeout_at(course.deadline):
                verdict = await visit.make()
        except TimeoutError:
            verdict = visit.timed_out(check.timeout_us)
        except Failed as failure:
            verdict = failure.verdict
        except Exception as error:
            log.exception("attempt.broken", check=check.name)
            verdict = classify.agent_failed(f"{type(error).__name__}: {error}")
        finally:
            visit.leave()
        page = None
        if verdict.outcome is Outcome.UP and visit.is_whole and self._drifts.wants(check, now_us()):
            page, strange = self._drifts.look(check, visit.body.text, visit.url, now_us())
            if strange:
                verdict = classify.content_drifted(strange)
        is_good = verdict.outcome is Outcome.UP
        phases = course.watch.read(time.monotonic_ns())
        settle(self._surroundings, course, is_good=is_good)
        end_us = now_us()
        self._holdoff.note(check.id, verdict, visit.headers, end_us)
        return Result(
            check.id,
            check.revision,
            slot_us,
            PLACEHOLDER if verdict.outcome is Outcome.PROBE_ERROR else attempt,
            verdict.outcome,
            end_us,
            verdict.cause,
            phases,
            visit.status,
            None if is_good and not self._always_evidence else visit.evidence(verdict, phases),
            certificates=self._sightings.news(check.id, course.sightings, end_us) if course.sightings else (),
            page=page,
        )
