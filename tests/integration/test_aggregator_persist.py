"""Micro-batches on a real database: stored once, whatever is repeated, and by the owner only."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest
from declaring import REGIONS, declare, declare_channel, rows
from publishing import Attempt, batch_of, now_us

from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentMoved,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    SuspicionRetracted,
)
from aggregator.leases import Fenced, Lease, Leases
from aggregator.migrate import migrate
from aggregator.persist.batch import Batch, DataNotice, Poisoned, RegionEvent, Seen, ShardMark
from aggregator.persist.partitions import DAY_US
from aggregator.persist.writer import Writer
from aggregator.results import decode
from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.domain.words import Cause, Outcome, Responsibility, State

CHECK = 101
SHARD = shard_of(CHECK, DEFAULT_SHARDS)


@pytest.fixture
def url(storage_url: str) -> str:
    """A database with one site, watched from three regions; each kind of server in turn."""
    migrate(storage_url)
    declare(storage_url, simulated=["ap-south"])
    return storage_url


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    owner = Leases(url, "test", DEFAULT_SHARDS)
    await owner.join()
    await owner.take(DEFAULT_SHARDS)
    writer = Writer(url, "test")
    yield writer
    await writer.close()
    await owner.close()


async def take_over(url: str) -> list[Lease]:
    """As an aggregator does that finds the lease of `test` run out."""
    rows(url, "UPDATE quivive.aggregators SET lease_expire_time = now()")
    other = Leases(url, "another", DEFAULT_SHARDS)
    await other.join()
    assert await other.bury() == ["test"]
    taken = await other.take(DEFAULT_SHARDS)
    await other.close()
    return taken


def mark(position: int, epoch: int = 1) -> ShardMark:
    return ShardMark(SHARD, epoch, position)


def seen(*attempts: Attempt, region: int = 2, stored: list[bool] | None = None) -> Seen:
    batch = batch_of("eu-west", attempts)
    results = decode(batch.SerializeToString(), shard=batch.shard, region="eu-west")
    return Seen(results, region, np.array([True] * len(attempts) if stored is None else stored))


def batch(*parts: Seen, position: int = 1, **lists: Any) -> Batch:
    made = Batch(marks=[mark(position)], **lists)
    for part in parts:
        made.see(part)
    return made


def confirmed(incident: str = "i1", **fields: object) -> IncidentConfirmed:
    at = now_us()
    values = {
        "incident": incident,
        "check": CHECK,
        "start_us": at - 3_000_000,
        "confirm_us": at,
        "cause": Cause.TCP_REFUSED,
        "responsibility": Responsibility.HOST,
        "regions": ("eu-west", "us-east"),
        "reason": "2 of 3",
    }
    return IncidentConfirmed(**{**values, **fields})  # type: ignore[arg-type]


async def test_every_column_arrives_as_it_was_sent(url: str, writer: Writer) -> None:
    slot = 1_790_000_000_123_456
    attempt = Attempt(CHECK, Outcome.DOWN, Cause.TCP_REFUSED, attempt=11, slot_us=slot)
    part = seen(attempt)
    part.results.phases[0] = [1, 2, 3, 4, 36_000_000]
    await writer.commit(batch(part))
    (row,) = rows(
        url,
        "SELECT check_id, slot, end_time, revision, dns, connect, tls, first_byte, transfer, region, attempt,"
        " outcome, cause, http_status FROM quivive.results",
    )
    end = datetime.fromtimestamp(0, UTC) + np.timedelta64(int(part.results.end_us[0]), "us").item()
    assert row == (
        CHECK,
        datetime(2026, 9, 21, 14, 13, 20, 123456, UTC),
        end,
        *(1, 1, 2, 3, 4, 36_000_000, 2, 11, 2, 20, 0),
    )


async def test_a_batch_that_is_repeated_is_stored_once(url: str, writer: Writer) -> None:
    one = batch(
        seen(Attempt(CHECK, Outcome.DOWN, Cause.TCP_REFUSED, detail="connection refused"), Attempt(CHECK, attempt=1)),
        transitions=[
            confirmed(),
            StateChanged(CHECK, now_us(), State.DOWN, "2 of 3", "i1"),
            SuspicionRetracted(CHECK, 1, 2, 3, "expired", ("eu-west",)),
        ],
        poisoned=[Poisoned(7, "quivive.results.x.y", now_us(), "not a batch", b"\x00\xff")],
        region_events=[RegionEvent("us-east", "blind", now_us(), "no agent heard for 15 s")],
        notices=[DataNotice("1", False, now_us(), 1)],
    )
    declare_channel(url, "ops", "email", to=["ops@agency.example"])
    await writer.commit(one)
    before = everything(url)
    await writer.commit(one)
    assert everything(url) == before
    assert [len(table) for table in before] == [2, 1, 1, 1, 1, 1, 1, 1, 3]


def everything(url: str) -> list[list[tuple[object, ...]]]:
    tables = ("results", "evidence", "state_intervals", "incidents", "incident_events", "retracted_suspicions")
    return [
        rows(url, f"SELECT to_jsonb(t) FROM quivive.{table} AS t ORDER BY to_jsonb(t)::text")
        for table in (*tables, "poison", "region_events", "outbox")
    ]


async def test_a_result_that_comes_again_in_another_batch_is_stored_once(url: str, writer: Writer) -> None:
    attempt = Attempt(CHECK, slot_us=now_us())
    await writer.commit(batch(seen(attempt), seen(attempt)))
    await writer.commit(batch(seen(attempt, Attempt(CHECK, attempt=1)), position=2))
    assert rows(url, "SELECT count(*) FROM quivive.results") == [(2,)]


async def test_results_that_are_not_to_be_stored_are_left_out(url: str, writer: Writer) -> None:
    part = seen(Attempt(CHECK, attempt=0), Attempt(CHECK, Outcome.DOWN, attempt=1, detail="x"), stored=[True, False])
    await writer.commit(batch(part))
    assert rows(url, "SELECT attempt FROM quivive.results") == [(0,)]
    assert rows(url, "SELECT count(*) FROM quivive.evidence") == [(0,)]


async def test_days_get_their_partitions_before_their_first_result(url: str, writer: Writer) -> None:
    today = now_us() // DAY_US * DAY_US
    slots = [today - 2 * DAY_US, today - 1, today, today + DAY_US - 1]
    await writer.commit(batch(*(seen(Attempt(CHECK, slot_us=slot)) for slot in slots)))
    assert rows(url, "SELECT count(*) FROM quivive.results") == [(4,)]
    # Another process, which has not made them, finds them there.
    other = Writer(url, "test")
    await other.commit(batch(seen(Attempt(CHECK, slot_us=today, attempt=1)), position=2))
    await other.close()
    assert rows(url, "SELECT count(*) FROM quivive.results") == [(5,)]


async def test_an_owner_that_was_displaced_records_nothing(url: str, writer: Writer) -> None:
    await writer.commit(batch(seen(Attempt(CHECK, attempt=0)), position=5))
    await take_over(url)
    # Its backend was ended; it comes back, and finds out.
    with pytest.raises(Fenced):
        await writer.commit(batch(seen(Attempt(CHECK, attempt=1)), transitions=[confirmed()], position=6))
    assert rows(url, "SELECT attempt FROM quivive.results") == [(0,)]
    assert rows(url, "SELECT count(*) FROM quivive.incidents") == [(0,)]
    assert rows(url, "SELECT position FROM quivive.shards WHERE shard = %s", SHARD) == [(5,)]


async def test_a_snapshot_moves_only_when_it_is_given(url: str, writer: Writer) -> None:
    read = "SELECT position, snapshot_position, snapshot FROM quivive.shards WHERE shard = %s"
    await writer.commit(Batch(marks=[ShardMark(SHARD, 1, 5, 5, b"five")]))
    assert rows(url, read, SHARD) == [(5, 5, b"five")]
    await writer.commit(Batch(marks=[ShardMark(SHARD, 1, 7)]))
    assert rows(url, read, SHARD) == [(7, 5, b"five")]
    await writer.commit(Batch(marks=[ShardMark(SHARD, 1, 9, 9)]))
    assert rows(url, read, SHARD) == [(9, 9, b"five")]


async def test_an_incident_names_its_site_and_its_newest_evidence(url: str, writer: Writer) -> None:
    old = Attempt(CHECK, Outcome.DOWN, Cause.TCP_REFUSED, 0, now_us() - 2_000_000, detail="refused at first")
    new = Attempt(CHECK, Outcome.DOWN, Cause.TCP_REFUSED, 1, now_us() - 1_000_000, detail="refused by 192.0.2.7:443")
    other = Attempt(CHECK, Outcome.DOWN, Cause.TCP_TIMEOUT, 2, now_us() - 500_000, detail="timed out")
    await writer.commit(batch(seen(old, new, other), transitions=[confirmed()]))
    (row,) = rows(
        url, "SELECT site_id, customer_id, detail, regions, simulated, cause, responsibility FROM quivive.incidents"
    )
    assert row == ("site-1", "martin", "refused by 192.0.2.7:443", ["eu-west", "us-east"], False, 20, 1)


async def test_without_evidence_the_cause_tells(url: str, writer: Writer) -> None:
    await writer.commit(batch(transitions=[confirmed(regions=("ap-south", "eu-west"))]))
    assert rows(url, "SELECT detail, simulated FROM quivive.incidents") == [("connection refused", True)]


async def test_the_life_of_an_incident_is_recorded(url: str, writer: Writer) -> None:
    at = now_us()
    await writer.commit(
        batch(
            transitions=[
                confirmed(confirm_us=at),
                IncidentMoved("i1", CHECK, at - 9_000_000, None, "late evidence"),
                IncidentResolved("i1", CHECK, at + 10, at + 20, "recovered"),
                IncidentReopened("i1", CHECK, at + 30, "failed again", ("ap-south",)),
                IncidentResolved("i1", CHECK, at + 40, at + 50, "recovered"),
            ]
        )
    )
    assert rows(url, "SELECT kind FROM quivive.incident_events ORDER BY time, kind") == [
        ("moved",),
        ("confirmed",),
        ("resolved",),
        ("reopened",),
        ("resolved",),
    ]
    (row,) = rows(url, "SELECT close_reason, regions, resolve_time - confirm_time FROM quivive.incidents")
    assert (row[0], row[1], row[2].microseconds) == ("recovered", list(REGIONS), 40)


async def test_an_outage_that_was_lost_sight_of_does_not_bar_the_next(url: str, writer: Writer) -> None:
    await writer.commit(batch(transitions=[confirmed("lost")]))
    await writer.commit(batch(transitions=[confirmed("next")], position=2))
    assert rows(url, "SELECT incident_id, close_reason FROM quivive.incidents ORDER BY confirm_time") == [
        ("lost", "superseded"),
        ("next", None),
    ]


async def test_a_region_that_goes_blind_is_recorded_and_told_to_operations_only(url: str, writer: Writer) -> None:
    declare_channel(url, "ops", "email", ["operations"], to=["ops@agency.example"])
    declare_channel(url, "oncall", "email", ["incidents"], to=["oncall@agency.example"])
    at = now_us()
    await writer.commit(batch(region_events=[RegionEvent("us-east", "blind", at, "no agent heard for 15 s")]))
    assert rows(url, "SELECT name, blind_reason FROM quivive.regions WHERE blind_time IS NOT NULL") == [
        ("us-east", "no agent heard for 15 s")
    ]
    await writer.commit(batch(region_events=[RegionEvent("us-east", "sighted", at + 1, "")], position=2))
    assert rows(url, "SELECT count(*) FROM quivive.regions WHERE blind_time IS NOT NULL") == [(0,)]
    assert rows(url, "SELECT channel_id, kind FROM quivive.outbox ORDER BY outbox_id") == [
        ("ops", "region.blind"),
        ("ops", "region.sighted"),
    ]


async def test_poison_is_kept_as_it_came_and_not_without_bound(url: str, writer: Writer) -> None:
    items = [Poisoned(number, "quivive.results.1.eu", now_us(), "bad", b"\x00") for number in range(1, 10_011)]
    await writer.commit(batch(poisoned=items))
    assert rows(url, "SELECT count(*), min(sequence), max(sequence) FROM quivive.poison") == [(10_000, 11, 10_010)]


async def test_a_fault_of_ours_is_not_tried_for_ever(url: str, writer: Writer) -> None:
    nobody = StateChanged(4711, now_us(), State.UP, "of a check that does not exist")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await writer.commit(batch(transitions=[nobody]))
    await writer.commit(batch(seen(Attempt(CHECK)), position=2))
    assert rows(url, "SELECT count(*) FROM quivive.results") == [(1,)]
