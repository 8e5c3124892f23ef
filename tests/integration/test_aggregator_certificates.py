"""Certificates on a real database: one row each, however often they are seen."""

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from declaring import declare, rows
from publishing import Attempt, batch_of, now_us

from aggregator.migrate import migrate
from aggregator.persist import certificates
from aggregator.persist.batch import Seen
from aggregator.results import BadBatch, decode
from quivive.v1 import bus_pb2

CHECK = 101
EXPIRE = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def url(storage_url: str) -> str:
    """A database with one site; each kind of server in turn."""
    migrate(storage_url)
    declare(storage_url)
    return storage_url


def sighting(fingerprint: str = "ab" * 32, **fields: object) -> bus_pb2.CertificateSighting:
    made = bus_pb2.CertificateSighting(
        host="www.example.com",
        address="192.0.2.7:443",
        subject="CN=www.example.com",
        issuer="CN=R11, O=Let's Encrypt, C=US",
        names=["www.example.com", "example.com"],
        fingerprint=fingerprint,
        protocol="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        verified=True,
        **fields,  # type: ignore[arg-type]
    )
    made.not_before.FromDatetime(EXPIRE - timedelta(days=90))
    made.not_after.FromDatetime(EXPIRE)
    return made


def encoded(*sightings: bus_pb2.CertificateSighting, ago_us: int = 0) -> bytes:
    batch = batch_of("eu-west", [Attempt(CHECK, ago_us=ago_us)])
    batch.certificates.extend(sightings)
    return batch.SerializeToString()


def seen(*sightings: bus_pb2.CertificateSighting, ago_us: int = 0, stored: bool = True) -> Seen:
    shard = batch_of("eu-west", [Attempt(CHECK)]).shard
    return Seen(decode(encoded(*sightings, ago_us=ago_us), shard=shard, region="eu-west"), 1, np.array([stored]))


async def store(url: str, *parts: Seen) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await certificates.store(connection, parts)


async def test_a_certificate_is_kept_once_with_when_it_was_first_and_last_seen(url: str) -> None:
    await store(url, seen(sighting(), ago_us=7_200_000_000))
    await store(url, seen(sighting()), seen(sighting("cd" * 32)))
    found = rows(
        url,
        "SELECT check_name, issuer, names, not_after, verified, last_time - first_time > interval '1 hour'"
        " FROM quivive_report.certificates_v1 ORDER BY fingerprint",
    )
    facts = ("http", "CN=R11, O=Let's Encrypt, C=US", ["www.example.com", "example.com"], EXPIRE, True)
    assert found == [(*facts, True), (*facts, False)]


async def test_an_older_sighting_that_comes_late_changes_nothing(url: str) -> None:
    await store(url, seen(sighting()))
    before = rows(url, "SELECT * FROM quivive.certificates")
    await store(url, seen(sighting(), ago_us=60_000_000))
    assert rows(url, "SELECT * FROM quivive.certificates") == before


async def test_texts_and_times_that_no_database_holds_do_not_stop_it(url: str) -> None:
    hostile = sighting()
    hostile.subject = "CN=\0" + "x" * 10_000
    hostile.not_after.seconds = 2**60
    await store(url, seen(hostile))
    ((subject, not_after),) = rows(url, "SELECT subject, not_after FROM quivive.certificates")
    assert len(subject) == certificates.LONGEST
    assert not_after is None


async def test_sightings_of_results_that_are_not_stored_are_not_either(url: str) -> None:
    await store(url, seen(sighting(), stored=False))
    assert rows(url, "SELECT * FROM quivive.certificates") == []


def test_a_sighting_of_no_result_makes_a_bad_batch() -> None:
    shard = batch_of("eu-west", [Attempt(CHECK, ago_us=now_us() % 1000)]).shard
    with pytest.raises(BadBatch, match="certificate"):
        decode(encoded(sighting(result=1)), shard=shard, region="eu-west")
