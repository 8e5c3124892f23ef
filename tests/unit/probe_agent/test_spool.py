import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_agent.backlog import Parcel
from probe_agent.batches import Piece
from probe_agent.replay import UNDER_WAY, Replay
from probe_agent.spool import FILE, LATEST, Spool, SpoolFailed, SpoolInUse
from quivive.domain.times import SECOND_US

NOW_US = 1_767_225_600 * SECOND_US
DAY = timedelta(hours=24)
MIB = 1024 * 1024


def memory(max_bytes: int = MIB) -> Spool:
    return Spool.in_memory("eu-west", max_bytes, DAY)


def piece(number: int, part: int = 0, payload: bytes = b"payload", results: int = 2) -> Piece:
    return Piece(number, part, 3, results, payload)


def everything(spool: Spool) -> list[Parcel]:
    return spool.read(0, LATEST, -1)


def test_a_batch_reads_back_as_its_pieces_together() -> None:
    spool = memory()
    spool.write("agent", [piece(1, 0, b"a"), piece(2, 0, b"x")], (), NOW_US)
    spool.write("agent", [piece(1, 1, b"b", results=1)], (), NOW_US)
    subject = "quivive.results.3.eu-west"
    assert everything(spool) == [Parcel(1, "agent", subject, b"ab", 3), Parcel(2, "agent", subject, b"x", 2)]
    assert (spool.results, spool.batches, spool.next_number) == (5, 2, 3)
    assert everything(spool)[0].message_id == "agent-1"


def test_a_limited_read_never_cuts_a_batch() -> None:
    spool = memory()
    spool.write("agent", [piece(1, part, bytes([part])) for part in range(5)] + [piece(2)], (), NOW_US)
    for limit in range(1, 6):
        first = spool.read(0, LATEST, limit)[0]
        assert (first.payload, first.results) == (bytes(range(5)), 10)


def test_an_agent_finds_what_an_earlier_one_left_under_its_name_and_numbers_go_on(tmp_path: Path) -> None:
    first = Spool.open(tmp_path / "deep" / "eu-west", "eu-west", MIB, DAY)
    first.write("first", [piece(1), piece(2), piece(3)], (), NOW_US)
    first.write("first", [], [2], NOW_US)
    first.close()
    second = Spool.open(tmp_path / "deep" / "eu-west", "eu-west", MIB, DAY)
    assert [parcel.message_id for parcel in everything(second)] == ["first-1", "first-3"]
    assert (second.next_number, second.results, second.batches) == (4, 4, 2)
    assert second.bytes == first.bytes


def test_a_spool_in_use_is_refused(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, "eu-west", MIB, DAY)
    with pytest.raises(SpoolInUse, match="another agent uses"):
        Spool.open(tmp_path, "eu-west", MIB, DAY)
    spool.close()
    Spool.open(tmp_path, "eu-west", MIB, DAY)


@pytest.mark.parametrize(
    "content", [b"not a database at all, however long " * 300, b"SQLite format 3\x00" + b"\xff" * 9000]
)
def test_a_spool_that_cannot_be_read_is_put_away_and_a_new_one_begun(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    spool = Spool.open(tmp_path, "eu-west", MIB, DAY)
    spool.write("agent", [piece(1)], (), NOW_US)
    assert len(everything(spool)) == 1
    assert (tmp_path / f"{FILE}.broken").read_bytes() == content


def test_beyond_the_bound_the_oldest_go_and_are_counted() -> None:
    spool = memory(10_000)
    for number in range(1, 21):
        spool.write("agent", [piece(number, payload=b"x" * 1000)], (), NOW_US)
    given_up = spool.give_up(LATEST, NOW_US)
    assert given_up == 2 * (20 - spool.batches) > 0
    assert spool.bytes <= 10_000 < spool.bytes + 1100
    assert [parcel.number for parcel in everything(spool)] == list(range(21 - spool.batches, 21))


def test_what_is_too_old_goes_and_what_is_live_stays() -> None:
    spool = memory()
    for number in range(1, 301):
        spool.write("agent", [piece(number)], (), NOW_US + number * SECOND_US)
    later_us = NOW_US + 24 * 3600 * SECOND_US
    assert spool.give_up(LATEST, later_us + 250 * SECOND_US) == 2 * 249
    assert spool.give_up(260, later_us + 3600 * SECOND_US) == 2 * 10
    assert spool.read(0, LATEST, 1)[0].number == 260


def test_a_database_that_fails_says_so() -> None:
    spool = memory()
    spool.write("agent", [piece(1)], (), NOW_US)
    spool.close()
    with pytest.raises(SpoolFailed):
        spool.write("agent", [piece(2)], (), NOW_US)
    with pytest.raises(SpoolFailed):
        spool.read(0, LATEST, 1)
    other = spool.replacement()
    other.write("agent", [piece(2)], [1], NOW_US)
    assert (other.next_number, other.batches) == (3, 1)


def test_a_write_that_fails_changes_nothing() -> None:
    spool = memory()
    spool.write("agent", [piece(1)], (), NOW_US)
    with pytest.raises(SpoolFailed):
        spool.write("agent", [piece(2), piece(1)], (), NOW_US)
    assert [parcel.number for parcel in everything(spool)] == [1]
    assert (spool.results, spool.batches) == (2, 1)


def test_space_is_given_back(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, "eu-west", 64 * MIB, DAY)
    numbers = range(1, 401)
    for number in numbers:
        spool.write("agent", [piece(number, payload=b"x" * 10_000)], (), NOW_US)
    spool.write("agent", [], numbers, NOW_US)
    for _ in range(10):
        spool.give_up(LATEST, NOW_US)
    spool.close()
    assert sqlite3.connect(tmp_path / FILE).execute("PRAGMA page_count").fetchone()[0] < 100
    assert (tmp_path / FILE).stat().st_size < MIB


@given(st.lists(st.sampled_from(["add", "grow", "acknowledge", "reopen"]) | st.integers(0, 50), max_size=40))
def test_whatever_happens_it_holds_what_was_written_and_not_acknowledged(actions: list[str | int]) -> None:
    spool, expected = memory(), {}
    for action in actions:
        match action:
            case "add":
                number = spool.next_number
                spool.write("agent", [piece(number, 0, b"a")], (), NOW_US)
                expected[number] = b"a"
            case "grow" if expected:
                number = max(expected)
                spool.write("agent", [piece(number, len(expected[number]), b"b")], (), NOW_US)
                expected[number] += b"b"
            case "acknowledge" if expected:
                number = min(expected)
                spool.write("agent", [], [number, number], NOW_US)
                del expected[number]
            case int(after):
                found = {parcel.number: parcel.payload for parcel in spool.read(after, LATEST, 3)}
                assert found.items() <= expected.items()
    assert {parcel.number: parcel.payload for parcel in everything(spool)} == expected
    assert spool.batches == len(expected)
    assert spool.results == 2 * sum(map(len, expected.values()))


def filled(batches: int) -> Spool:
    spool = memory()
    spool.write("agent", [piece(number) for number in range(1, batches + 1)], (), NOW_US)
    return spool


def test_a_replay_keeps_to_its_rate_and_to_its_order() -> None:
    spool, replay, sent = filled(200), Replay(batches_per_s=100, results_per_s=1e9), []
    for tick in range(101):
        parcels = replay.due(spool, LATEST, 1000 + tick / 100)
        sent += parcels
        for parcel in parcels:
            replay.remove(parcel.number)
    assert [parcel.number for parcel in sent] == list(range(1, len(sent) + 1))
    assert 95 <= len(sent) <= 105


def test_a_replay_sends_no_more_than_its_window_and_again_what_is_not_acknowledged() -> None:
    spool, replay = filled(200), Replay(batches_per_s=1e9, results_per_s=1e9)
    first = replay.due(spool, LATEST, 1000.0)
    assert len(first) == UNDER_WAY
    assert replay.due(spool, LATEST, 1001.0) == []
    assert replay.oldest_sent() == 1000.0
    replay.remove(1)
    spool.write("agent", [], [1], NOW_US)
    replay.send_again()
    assert [parcel.number for parcel in replay.due(spool, LATEST, 1002.0)] == list(range(2, UNDER_WAY + 2))


def test_a_replay_leaves_alone_what_is_live() -> None:
    replay = Replay()
    assert [parcel.number for parcel in replay.due(filled(20), 4, 1000.0)] == [1, 2, 3]
