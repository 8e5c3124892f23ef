"""One attempt of any kind that is not a page: the deadline over it, its phases, its verdict, its evidence."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from probe_agent import classify
from probe_agent.checks import Check
from probe_agent.classify import Verdict
from probe_agent.clock import now_us
from probe_agent.connect import Course
from probe_agent.failures import Failed
from probe_agent.phases import Stopwatch
from probe_agent.results import Evidence, Result
from quivive.domain.checks import PLACEHOLDER
from quivive.domain.words import Cause, Outcome

log = structlog.get_logger(__name__)

DETAIL_CHARACTERS = 500


@dataclass(slots=True)
class Progress(Course):
    """A course with what its kind of target has to say."""

    overdue: Verdict | None = None
    """What it means when the deadline strikes now; None leaves it to the phase."""
    excerpt: str = ""
    """What came back, for a person."""


async def observe(
    check: Check,
    slot_us: int,
    attempt: int,
    avoid: frozenset[str],
    look: Callable[[Progress], Awaitable[Verdict]],
    max_latency_us: int,
) -> Result:
    """The result of `look`; never raises for what a target does. Failed ends it early, the deadline at the phase at hand."""
    deadline = asyncio.get_running_loop().time() + check.timeout_us / 1e6
    progress = Progress(Stopwatch(time.monotonic_ns()), deadline, avoid)
    try:
        async with asyncio.timeout_at(deadline):
            verdict = await look(progress)
    except TimeoutError:
        verdict = progress.overdue or classify.timed_out(progress.watch.phase, check.timeout_us)
    except Failed as failure:
        verdict = failure.verdict
    except Exception as error:
        log.exception("attempt.broken", check=check.name)
        verdict = classify.agent_failed(f"{type(error).__name__}: {error}")
    elapsed_us = progress.watch.elapsed_ns(time.monotonic_ns()) // 1000
    if verdict.outcome is Outcome.UP and 0 < max_latency_us < elapsed_us:
        detail = f"took {elapsed_us / 1e6:.2f} s, more than {max_latency_us / 1e6:g} s"
        verdict = Verdict(Outcome.DOWN, Cause.HTTP_TOO_SLOW, detail)
    evidence = None
    if verdict.outcome is not Outcome.UP:
        evidence = Evidence(
            detail=verdict.detail[:DETAIL_CHARACTERS],
            address=progress.address,
            body_excerpt=progress.excerpt.replace("\0", "\ufffd"),
            certificate_expire_us=progress.certificate.not_after_us if progress.certificate is not None else None,
        )
    return Result(
        check=check.id,
        revision=check.revision,
        slot_us=slot_us,
        attempt=PLACEHOLDER if verdict.outcome is Outcome.PROBE_ERROR else attempt,
        outcome=verdict.outcome,
        end_us=now_us(),
        cause=verdict.cause,
        phases=progress.watch.read(time.monotonic_ns()),
        evidence=evidence,
    )
