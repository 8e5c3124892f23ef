"""Staying away from who has asked for it: a rate limit's or a firewall's answer is honoured, in this region, for this check.

Retry-After says how long; without it a minute, then twice as long each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from probe_agent.classify import Verdict
from probe_agent.http.request import Header
from quivive.domain.times import SECOND_US, to_us
from quivive.domain.words import Outcome

FIRST_US = 60 * SECOND_US
LONGEST_US = 15 * 60 * SECOND_US
"""Where nothing is said."""
LONGEST_ASKED_US = 3600 * SECOND_US
"""Whatever is said: a site that is never looked at is not watched."""


@dataclass(frozen=True, slots=True)
class _Held:
    until_us: int
    pause_us: int
    verdict: Verdict


class HoldOff:
    """By check. `now_us`: the wall clock's microseconds since the Unix epoch."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}

    def verdict(self, check: int, now_us: int) -> Verdict | None:
        """What to report instead of looking, or None to look."""
        held = self._held.get(check) if self._held else None
        if held is None or now_us >= held.until_us:
            return None
        left_s = (held.until_us - now_us) // SECOND_US
        return Verdict(
            held.verdict.outcome, held.verdict.cause, f"staying away for {left_s} s more: {held.verdict.detail}"
        )

    def note(self, check: int, verdict: Verdict, headers: Sequence[Header], now_us: int) -> None:
        """Take in how an attempt ended."""
        if verdict.outcome is not Outcome.BLOCKED:
            if self._held:
                self._held.pop(check, None)
            return
        before = self._held.get(check)
        pause_us = FIRST_US if before is None else min(before.pause_us * 2, LONGEST_US)
        asked_us = retry_after_us(headers, now_us)
        wait_us = pause_us if asked_us is None else min(asked_us, LONGEST_ASKED_US)
        self._held[check] = _Held(now_us + wait_us, pause_us, verdict)


def retry_after_us(headers: Sequence[Header], now_us: int) -> int | None:
    """How long to stay away from now on, None where nothing is said that can be read."""
    for name, value in headers:
        if name == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isascii() and text.isdecimal():
                return min(int(text[:9]) * SECOND_US, LONGEST_ASKED_US)
            try:
                return max(to_us(parsedate_to_datetime(text)) - now_us, 0)
            except (ValueError, TypeError):
                return None
    return None
