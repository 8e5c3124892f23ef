"""Whether it is us: references that have nothing to do with the sites are looked at, too.

1. Every ten seconds, and at once when a site cannot be reached, each reference is tried.
2. Two that fail in the same round, at different hosts or ports, are too many to be theirs: the self-check fails.
3. It is good again after two rounds in which at most one failed.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import structlog

from probe_agent import metrics
from probe_agent.results import Evidence, Result
from quivive.domain.checks import PLACEHOLDER
from quivive.domain.words import Cause, Outcome

log = structlog.get_logger(__name__)

EVERY_S = 10.0
AT_ONCE_AFTER_S = 2.0
"""So long after a round a site's failure may ask for the next one."""
INDEPENDENT = 2
GOOD_ROUNDS = 2


class Tried(Protocol):
    """What tries the references (`References`)."""

    async def failing(self) -> Mapping[str, str]: ...


class SelfCheck:
    """Follows the references. `reason` is what is wrong with us, or None."""

    def __init__(self, references: Tried) -> None:
        self._references = references
        self._asked = asyncio.Event()
        self._good_rounds = 0
        self._round_at = float("-inf")
        self.reason: str | None = None

    def ask(self) -> None:
        """A site could not be reached: look at the references soon."""
        if time.monotonic() - self._round_at > AT_ONCE_AFTER_S:
            self._asked.set()

    async def run(self, on_change: Callable[[], None]) -> None:
        """Look for ever; `on_change` is called when the self-check begins to fail or is good again."""
        while True:
            self._asked.clear()
            self._round_at = time.monotonic()
            if self.take(await self._references.failing()):
                on_change()
            with suppress(TimeoutError):
                async with asyncio.timeout(AT_ONCE_AFTER_S if self.reason is not None else EVERY_S):
                    await self._asked.wait()

    def take(self, failing: Mapping[str, str]) -> bool:
        """Judge one round. True when the judgement is another one now."""
        before = self.reason
        if len(failing) >= INDEPENDENT:
            self._good_rounds = 0
            self.reason = "; ".join(f"{name}: {reason}" for name, reason in sorted(failing.items()))
            if before is None:
                log.error("self_check.failed", failing=dict(failing))
        elif before is not None:
            self._good_rounds += 1
            if self._good_rounds >= GOOD_ROUNDS:
                self.reason = None
                log.info("self_check.recovered")
        metrics.SELF_CHECK_FAILING.set(self.reason is not None)
        return (before is None) != (self.reason is None)


def distrusted(result: Result, reason: str) -> Result:
    """The placeholder for an attempt of which we cannot say whether it saw the site or ourselves."""
    return replace(
        result,
        attempt=PLACEHOLDER,
        outcome=Outcome.PROBE_ERROR,
        cause=Cause.AGENT_FAULT,
        evidence=Evidence(f"the attempt found {result.outcome.name} while the self-check failed: {reason}"),
    )
