"""Requests for confirmation are rate-limited by a token bucket."""

from aggregator.confirmations import Budget


def test_a_burst_is_granted_and_no_more() -> None:
    budget = Budget(per_second=10, burst=3)
    assert [budget.take(1, now=0.0) for _ in range(4)] == [True, True, True, False]


def test_time_refills_it_up_to_the_burst() -> None:
    budget = Budget(per_second=10, burst=3)
    assert budget.take(3, now=0.0)
    assert not budget.take(2, now=0.1)
    assert budget.take(2, now=0.2)
    assert not budget.take(4, now=100.0)
    assert budget.take(3, now=100.0)


def test_what_is_refused_costs_nothing() -> None:
    budget = Budget(per_second=0, burst=3)
    assert not budget.take(4, now=0.0)
    assert budget.take(3, now=0.0)
