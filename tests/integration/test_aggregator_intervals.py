"""State intervals stay without gap or overlap, whatever changes come in whatever batches."""

import asyncio

import psycopg
import pytest
from declaring import declare, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator import database
from aggregator.decide.transitions import StateChanged
from aggregator.persist import intervals
from quivive.domain.times import to_us
from quivive.domain.words import State

Change = tuple[int, int, int]
"""Check, instant, state; DOWN belongs to an incident by its instant's parity, so that neighbours may differ by it alone."""

CHANGES = st.tuples(st.sampled_from([101, 102]), st.integers(0, 30), st.sampled_from([1, 2, 3, 4, 5]))
BATCHES = st.lists(st.lists(CHANGES, min_size=1, max_size=5), min_size=1, max_size=6)


def change(item: Change) -> StateChanged:
    check, at, state = item
    return StateChanged(check, at * 1_000_000, State(state), "because", f"i{at % 2}" if state == State.DOWN else None)


def expected(batches: list[list[Change]]) -> dict[int, list[tuple[int, int | None, int, str | None]]]:
    """The slow way: second by second, the newest change that reaches there; neighbours that are equal are one."""
    lives: dict[int, list[StateChanged]] = {}
    for item in (item for batch in batches for item in batch):
        made = change(item)
        life = [known for known in lives.get(made.check, []) if known.at_us < made.at_us]
        lives[made.check] = [*life, made]
    result = {}
    for check, life in lives.items():
        spans: list[tuple[int, int | None, int, str | None]] = []
        for index, made in enumerate(life):
            end = life[index + 1].at_us if index + 1 < len(life) else None
            if spans and spans[-1][2:] == (made.state, made.incident):
                spans[-1] = (spans[-1][0], end, made.state, made.incident)
            else:
                spans.append((made.at_us, end, made.state, made.incident))
        result[check] = spans
    return result


def stored(url: str) -> dict[int, list[tuple[int, int | None, int, str | None]]]:
    lives: dict[int, list[tuple[int, int | None, int, str | None]]] = {}
    query = "SELECT check_id, start_time, end_time, state, incident_id FROM quivive.state_intervals ORDER BY 1, 2"
    for check, start, end, state, incident in rows(url, query):
        span = (to_us(start), None if end is None else to_us(end), state, incident)
        lives.setdefault(check, []).append(span)
    return lives


async def record(url: str, batches: list[list[Change]], *, repeat: bool) -> None:
    async with await database.connect(url, "test") as connection:
        await connection.execute("DELETE FROM quivive.state_intervals")
        for batch in batches:
            for _ in range(2 if repeat else 1):
                async with connection.transaction():
                    await intervals.store(connection, [change(item) for item in batch])


@pytest.fixture
def url(migrated_url: str) -> str:
    declare(migrated_url, sites=2)
    return migrated_url


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES, repeat=st.booleans())
def test_any_changes_in_any_batches_leave_a_life_without_gap_or_overlap(
    url: str, batches: list[list[Change]], repeat: bool
) -> None:
    asyncio.run(record(url, batches, repeat=repeat))
    lives = stored(url)
    assert lives == expected(batches)
    for life in lives.values():
        assert [span[1] for span in life[:-1]] == [span[0] for span in life[1:]]
        assert life[-1][1] is None


def test_the_schema_itself_refuses_two_open_intervals(url: str) -> None:
    insert = "INSERT INTO quivive.state_intervals VALUES (101, %s, NULL, 1, 'because')"
    rows(url, insert, "2026-03-01T00:00:00Z")
    with pytest.raises(psycopg.errors.UniqueViolation):
        rows(url, insert, "2026-03-02T00:00:00Z")
