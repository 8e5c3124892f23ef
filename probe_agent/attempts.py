"""Making the attempts of a slot: one after the other until one is good, or until there are enough for a vote."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from probe_agent import metrics
from probe_agent.checks import Check
from probe_agent.clock import now_us
from probe_agent.failing import Failing
from probe_agent.lateness import Lateness
from probe_agent.results import Result, missed
from probe_agent.schedule import Slot
from probe_agent.selfcheck import SelfCheck, distrusted
from quivive.domain.checks import SCHEDULED
from quivive.domain.words import Cause, Outcome

log = structlog.get_logger(__name__)


CONFIRMATION_SHARE = 8
"""For so many places of the schedule, confirmations have one of their own: neither takes the other's."""


class Looking(Protocol):
    """What makes an attempt (`Checkers`); it never raises for what a site does."""

    async def attempt(
        self, check: Check, slot_us: int, attempt: int, avoid: frozenset[str] = frozenset()
    ) -> Result: ...


class Attempts:
    """Everything that is being tried: scheduled slots in `places`, confirmations beside them in their own."""

    def __init__(
        self,
        checker: Looking,
        publish: Callable[[Result], None],
        is_current: Callable[[Check], bool],
        places: int,
        self_check: SelfCheck,
    ) -> None:
        self._checker = checker
        self._publish = publish
        self._is_current = is_current
        self._places = asyncio.Semaphore(places)
        self._confirmation_places = asyncio.Semaphore(max(places // CONFIRMATION_SHARE, 1))
        self._self_check = self_check
        self._running: set[asyncio.Task[None]] = set()
        self._failing = Failing()
        self.lateness = Lateness()

    def start_slot(self, slot: Slot) -> None:
        """Make a slot's attempts as soon as there is a place; without one in time it is MISSED."""
        self._start(self._run_slot(slot))

    def start_confirmation(self, check: Check, slot_us: int, numbers: range, delay_s: float, within_s: float) -> None:
        """Make the attempts `numbers` after a delay, whatever the schedule does; not at all without a place in time."""
        self._start(self._confirm(check, slot_us, numbers, delay_s, within_s))

    async def finish(self, within_s: float) -> None:
        """Let what is running come to its end; what does not is cancelled and reported as MISSED."""
        if self._running:
            await asyncio.wait(self._running, timeout=within_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, run: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(run)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_slot(self, slot: Slot) -> None:
        if not await self._take_place(slot):
            late_s = (now_us() - slot.slot_us) / 1e6
            self._miss(slot.check, slot.slot_us, Cause.AGENT_OVERLOADED, f"could not be started within {late_s:.1f} s")
            return
        try:
            lateness_us = max(now_us() - slot.slot_us, 0)
            metrics.SLOT_LATENESS.observe(lateness_us / 1e6)
            self.lateness.note(slot.slot_us, lateness_us)
            await self._make(slot.check, slot.slot_us, range(SCHEDULED, SCHEDULED + slot.check.down_attempts))
        finally:
            self._places.release()

    async def _take_place(self, slot: Slot) -> bool:
        """False when there was none before the slot became too late."""
        left_s = (slot.latest_us - now_us()) / 1e6
        if left_s < 0:
            return False
        if not self._places.locked():
            return await self._places.acquire()  # without a timeout, which costs more than the place
        try:
            async with asyncio.timeout(left_s):
                await self._places.acquire()
        except TimeoutError:
            return False
        except asyncio.CancelledError:
            self._stopped(slot.check, slot.slot_us)
            raise
        return True

    async def _confirm(self, check: Check, slot_us: int, numbers: range, delay_s: float, within_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + within_s
        await asyncio.sleep(delay_s)
        try:
            async with asyncio.timeout_at(deadline):
                await self._confirmation_places.acquire()
        except TimeoutError:
            log.warning("confirmation.given_up", check=check.name, reason="no place in time")
            return
        try:
            await self._make(check, slot_us, numbers)
        finally:
            self._confirmation_places.release()

    async def _make(self, check: Check, slot_us: int, numbers: range) -> None:
        """Try and publish at once; where the site failed, again after the gap while there are numbers left."""
        failed: frozenset[str] = frozenset()
        for number in numbers:
            if number != numbers.start:
                await asyncio.sleep(check.attempt_gap_us / 1e6)
                if not self._is_current(check):
                    return
            try:
                result = await self._checker.attempt(check, slot_us, number, avoid=failed)
            except asyncio.CancelledError:
                if number == SCHEDULED:
                    self._stopped(check, slot_us)
                raise
            result = self._judged(result)
            self._note(check, result)
            if result.outcome is not Outcome.DOWN:
                return
            if result.evidence is not None:
                failed |= {result.evidence.address}

    def _judged(self, result: Result) -> Result:
        """What the attempt is worth: nothing while it may be us who cannot see."""
        if self._self_check.reason is not None:
            return distrusted(result, self._self_check.reason)
        if result.outcome is Outcome.DOWN and result.cause <= Cause.HTTP_TIMEOUT:
            self._self_check.ask()
        return result

    def _stopped(self, check: Check, slot_us: int) -> None:
        self._miss(check, slot_us, Cause.AGENT_FAULT, "the agent was stopped")

    def _miss(self, check: Check, slot_us: int, cause: Cause, detail: str) -> None:
        self._note(check, missed(check, slot_us, now_us(), cause, detail))

    def _note(self, check: Check, result: Result) -> None:
        metrics.ATTEMPTS.labels(result.outcome.name).inc()
        self._publish(result)
        self._failing.note(check, result)
