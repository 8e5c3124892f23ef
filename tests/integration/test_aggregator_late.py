"""Late evidence fills what is on record as UNKNOWN, and nothing else."""

import asyncio
from itertools import pairwise

import pytest
from declaring import declare, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator import database
from aggregator.decide.transitions import PastFilled, StateChanged
from aggregator.persist import intervals
from quivive.domain.times import to_us
from quivive.domain.words import State

CHECK = 101
LIVES = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from([1, 3, 4, 4])),
    min_size=1,
    max_size=6,
    unique_by=lambda entry: entry[0],
)
FILLS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8), st.sampled_from([1, 3])), max_size=4)


@pytest.fixture
def url(migrated_url: str) -> str:
    declare(migrated_url, sites=1)
    return migrated_url


async def record(url: str, life: list[tuple[int, int]], fills: list[tuple[int, int, int]]) -> None:
    async with await database.connect(url, "test") as connection:
        await connection.execute("DELETE FROM quivive.state_intervals")
        changes = [StateChanged(CHECK, at * 1_000_000, State(state), "because") for at, state in sorted(life)]
        async with connection.transaction():
            await intervals.store(connection, changes)
        past = [PastFilled(CHECK, at * 1_000_000, (at + n) * 1_000_000, State(state), "late") for at, n, state in fills]
        for _ in range(2):  # once more changes nothing
            async with connection.transaction():
                await intervals.fill(connection, past)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=LIVES, fills=FILLS)
def test_only_unknown_spans_are_filled_and_the_life_stays_whole(
    url: str, life: list[tuple[int, int]], fills: list[tuple[int, int, int]]
) -> None:
    asyncio.run(record(url, life, fills))
    begin = min(at for at, _ in life)
    expected: dict[int, int] = {}
    for second in range(begin, 40):
        expected[second] = [state for at, state in sorted(life, key=lambda entry: entry[0]) if at <= second][-1]
    for at, length, state in fills:
        for second in range(max(at, begin), at + length):
            if expected[second] == State.UNKNOWN:
                expected[second] = state
    query = "SELECT start_time, end_time, state FROM quivive.state_intervals ORDER BY 1"
    stored = [(to_us(start), None if end is None else to_us(end), state) for start, end, state in rows(url, query)]
    assert stored[0][0] == begin * 1_000_000
    assert stored[-1][1] is None
    assert all(one[1] == two[0] for one, two in pairwise(stored))
    for second, state in expected.items():
        at_us = second * 1_000_000
        assert [s for start, end, s in stored if start <= at_us and (end is None or at_us < end)] == [state]
