import pytest

from probe_agent.classify import Verdict
from probe_agent.holdoff import FIRST_US, LONGEST_ASKED_US, LONGEST_US, HoldOff, retry_after_us
from quivive.domain.words import Cause, Outcome

NOW_US = 1_795_305_600_000_000  # 2026-11-22 00:00:00 UTC
BLOCKED = Verdict(Outcome.BLOCKED, Cause.RATE_LIMITED, "429: too many requests")
UP = Verdict(Outcome.UP)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120),
        (b" 7 ", 7),
        (b"0", 0),
        (b"99999999999999999999", 3600),
        (b"Sun, 22 Nov 2026 00:02:00 GMT", 120),
        (b"Sat, 21 Nov 2026 00:00:00 GMT", 0),
        (b"-5", None),
        (b"soon", None),
        (b"", None),
        ("١٢".encode(), None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: bytes, seconds: int | None) -> None:
    expected = None if seconds is None else seconds * 1_000_000
    assert retry_after_us([(b"server", b"x"), (b"retry-after", value)], NOW_US) == expected


def test_a_block_is_honoured_for_as_long_as_it_says_and_no_longer_than_an_hour() -> None:
    held = HoldOff()
    held.note(7, BLOCKED, [(b"retry-after", b"90")], NOW_US)
    verdict = held.verdict(7, NOW_US + 89_000_000)
    assert verdict is not None
    assert (verdict.outcome, verdict.cause) == (Outcome.BLOCKED, Cause.RATE_LIMITED)
    assert held.verdict(7, NOW_US + 90_000_000) is None
    assert held.verdict(8, NOW_US) is None
    held.note(7, BLOCKED, [(b"retry-after", b"999999")], NOW_US)
    assert held.verdict(7, NOW_US + LONGEST_ASKED_US - 1) is not None
    assert held.verdict(7, NOW_US + LONGEST_ASKED_US) is None


def test_without_a_word_each_block_doubles_the_pause_up_to_a_bound() -> None:
    held = HoldOff()
    pauses = []
    for _ in range(7):
        held.note(7, BLOCKED, [], NOW_US)
        pauses.append(next(us for us in range(0, LONGEST_US + 1, FIRST_US) if held.verdict(7, NOW_US + us) is None))
    assert pauses[:4] == [FIRST_US, 2 * FIRST_US, 4 * FIRST_US, 8 * FIRST_US]
    assert pauses[-1] == LONGEST_US


def test_a_look_that_succeeds_begins_anew() -> None:
    held = HoldOff()
    for verdict in (BLOCKED, BLOCKED, UP, BLOCKED):
        held.note(7, verdict, [], NOW_US)
    assert held.verdict(7, NOW_US + FIRST_US) is None
