"""Whether the agent keeps up: the event loop's lag, descriptors in use, and how late slots are started."""

import asyncio
import os
import resource
from collections import deque
from pathlib import Path

import structlog

from probe_agent import metrics

log = structlog.get_logger(__name__)

EVERY_S = 0.25
WINDOW = 40
"""Ten seconds of measurements."""
TOO_LATE_S = 1.0
"""p99 of lateness; the budget is a quarter of it."""
TOO_SLOW_S = 0.5
"""The event loop's; its users' timings are wrong by as much."""
TOO_FULL = 0.8
"""Share of the descriptors that may be in use."""
OPEN_DESCRIPTORS = Path("/proc/self/fd")


class Overload:
    """Measures as it goes; `reason` judges the last ten seconds."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=WINDOW)
        self._was_overloaded = False

    async def run(self) -> None:
        """Measure the event loop's lag for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self.note_lag(loop.time() - due)

    def note_lag(self, seconds: float) -> None:
        self._lags.append(max(seconds, 0.0))

    def reason(self, lateness_p99_us: int) -> str | None:
        """What is too much, or None."""
        lag_s = max(self._lags, default=0.0)
        used, limit = descriptors()
        metrics.LOOP_LAG.set(lag_s)
        metrics.DESCRIPTORS.set(used)
        reason = judge(lateness_p99_us / 1e6, lag_s, used, limit)
        metrics.OVERLOADED.set(reason is not None)
        if (reason is not None) != self._was_overloaded:
            self._was_overloaded = reason is not None
            if reason is not None:
                log.warning("agent.overloaded", reason=reason)
            else:
                log.info("agent.relieved")
        return reason


def judge(lateness_s: float, lag_s: float, descriptors: int, limit: int) -> str | None:
    """What is too much, or None. `descriptors` of `limit` are in use."""
    problems = []
    if lateness_s > TOO_LATE_S:
        problems.append(f"slots are started {lateness_s:.1f} s late")
    if lag_s > TOO_SLOW_S:
        problems.append(f"the event loop was busy for {lag_s:.1f} s")
    if descriptors > limit * TOO_FULL:
        problems.append(f"{descriptors} of {limit} file descriptors are in use")
    return ", ".join(problems) or None


def descriptors() -> tuple[int, int]:
    """In use, and how many there may be."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return len(os.listdir(OPEN_DESCRIPTORS)), limit


def allow_descriptors() -> None:
    """As many as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
