"""The learner on a real database: from sightings to a baseline that travels with the check, and to one warning."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from declaring import REGIONS, declare, declare_channel, rows

from aggregator.drift.learner import learn_once
from aggregator.migrate import migrate
from quivive.domain.times import to_us
from quivive.v1 import bus_pb2

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAGE = bus_pb2.PageFeatures(title="Boulangerie Martin", text_hash=0x0F0F, words=400, script_hosts=["cdn.example"])
DEFACED = bus_pb2.PageFeatures(title="HACKED", text_hash=0x0F0F, words=400, script_hosts=["evil.example"])


def spec(url: str, check: int, revision: int) -> bytes:
    drift = bus_pb2.Drift()
    http = bus_pb2.HttpTarget(url=url, drift=drift)
    return bus_pb2.CheckSpec(id=check, revision=revision, regions=REGIONS, http=http).SerializeToString()


def sight(url: str, check: int, page: bus_pb2.PageFeatures, minutes: int, revision: int = 1) -> None:
    for number, region in enumerate(REGIONS):
        rows(
            url,
            "INSERT INTO quivive.page_sightings (check_id, revision, region, slot, features) VALUES (%s, %s, %s, %s, %s)",
            *(check, revision, region, NOW + timedelta(minutes=minutes, seconds=number), page.SerializeToString()),
        )


async def teach(url: str, minutes: int) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await learn_once(connection, to_us(NOW + timedelta(minutes=minutes)))


@pytest.fixture
def url(storage_url: str) -> str:
    migrate(storage_url)
    return storage_url


async def test_what_regions_agree_on_travels_with_the_check_and_drift_is_told_once(url: str) -> None:
    (check,) = declare(url)
    declare_channel(url, "ops", "email", ["operations"], to=["ops@agency.example"])
    rows(url, "UPDATE quivive.check_revisions SET spec = %s", spec("https://site-1.example/", check, 1))
    sight(url, check, PAGE, 0)
    await teach(url, 1)
    assert rows(url, "SELECT 1 FROM quivive.page_baselines") == []
    sight(url, check, PAGE, 5)
    await teach(url, 6)
    merged = (
        "SELECT r.spec || b.spec_part FROM quivive.page_baselines AS b"
        " JOIN quivive.check_revisions AS r USING (check_id, revision)"
    )
    ((data,),) = rows(url, merged)
    known = bus_pb2.CheckSpec.FromString(data)
    assert known.http.url == "https://site-1.example/"
    assert known.http.drift.baseline.titles == ["Boulangerie Martin"]
    assert rows(url, "SELECT 1 FROM quivive.outbox") == []
    for minutes in (10, 15):
        sight(url, check, DEFACED, minutes)
        await teach(url, minutes + 1)
    ((kind, detail),) = rows(url, "SELECT kind, payload ->> 'detail' FROM quivive.outbox")
    assert kind == "content.drifted"
    assert "evil.example" in detail
    assert "HACKED" in detail


async def test_what_is_known_outlives_a_new_revision_but_not_another_page(url: str) -> None:
    (check,) = declare(url)
    rows(url, "UPDATE quivive.check_revisions SET spec = %s", spec("https://site-1.example/", check, 1))
    sight(url, check, PAGE, 0)
    sight(url, check, PAGE, 5)
    await teach(url, 6)
    revise = (
        "WITH used AS (UPDATE quivive.checks SET revision = %s RETURNING check_id)"
        " INSERT INTO quivive.check_revisions (check_id, revision, regions, interval_us, timeout_us, down_attempts, target, spec)"
        " SELECT check_id, %s, %s, 1, 1, 2, '', %s FROM used"
    )
    rows(url, revise, 2, 2, list(REGIONS), spec("https://site-1.example/", check, 2))
    await teach(url, 7)
    assert rows(url, "SELECT revision FROM quivive.page_baselines") == [(2,)]
    rows(url, revise, 3, 3, list(REGIONS), spec("https://elsewhere.example/", check, 3))
    await teach(url, 8)
    assert rows(url, "SELECT revision FROM quivive.page_baselines") == []
