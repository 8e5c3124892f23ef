"""How long the sender waits after failures."""

from datetime import timedelta

from aggregator.notify.sender import LONGEST_DELAY, delay_after


def test_the_wait_doubles_up_to_five_minutes() -> None:
    assert [delay_after(attempts).total_seconds() for attempts in (1, 2, 3, 9)] == [1, 2, 4, 256]
    assert delay_after(10) == delay_after(10_000) == LONGEST_DELAY == timedelta(minutes=5)
