"""What of the attempts is worth a line: a check's first failure, another cause, its recovery. The rest is for whoever debugs."""

import structlog

from probe_agent.checks import Check
from probe_agent.results import Result
from quivive.domain.words import Cause, Outcome

log = structlog.get_logger(__name__)

REMEMBERED = 100_000
"""Checks that fail; more are told of again."""


class Failing:
    """The checks whose newest attempt was not good, and why."""

    def __init__(self) -> None:
        self._causes: dict[int, tuple[Outcome, Cause]] = {}

    def note(self, check: Check, result: Result) -> None:
        """Take the newest result of a check in, and log it."""
        if result.outcome is Outcome.UP:
            if self._causes and self._causes.pop(check.id, None) is not None:
                log.info("check.recovered", check=check.name)
            return
        # A slot that was missed says nothing of the check; metrics and the sign of life say that we are late.
        is_news = False
        if result.outcome is not Outcome.MISSED:
            cause = result.outcome, result.cause
            is_news = self._causes.get(check.id) != cause
            if len(self._causes) >= REMEMBERED:
                self._causes.clear()
            self._causes[check.id] = cause
        (log.info if is_news else log.debug)(
            "attempt.failed",
            check=check.name,
            attempt=result.attempt,
            outcome=result.outcome.name,
            cause=result.cause.name,
            detail=result.evidence.detail if result.evidence is not None else "",
        )
