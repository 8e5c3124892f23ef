from hypothesis import given
from hypothesis import strategies as st

from probe_agent.budget import TokenBucket


@given(st.lists(st.floats(0, 1), max_size=200), st.floats(1, 100), st.integers(1, 20))
def test_no_second_sees_more_than_the_burst_and_the_rate(waits: list[float], rate: float, burst: int) -> None:
    bucket, now, starts = TokenBucket(rate, burst), 0.0, []
    for wait in waits:
        now += wait
        delay = bucket.reserve(now, within_s=2.0)
        if delay is not None:
            assert delay <= 2.0
            starts.append(now + delay)
    for first in starts:
        assert sum(first <= start < first + 1 for start in starts) <= burst + rate + 1


def test_a_burst_is_not_delayed() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.reserve(100.0, 1.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_past_the_budget_one_waits_or_is_turned_away() -> None:
    bucket = TokenBucket(rate=10, burst=1)
    assert bucket.reserve(100.0, 1.0) == 0.0
    delay = bucket.reserve(100.0, 1.0)
    assert delay is not None
    assert 0.09 < delay < 0.11
    assert bucket.reserve(100.0, 0.05) is None


def test_being_turned_away_takes_nothing() -> None:
    bucket = TokenBucket(rate=10, burst=1)
    bucket.reserve(100.0, 1.0)
    for _ in range(50):
        assert bucket.reserve(100.0, 0.05) is None
    assert bucket.reserve(100.11, 0.05) == 0.0
