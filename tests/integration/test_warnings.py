"""Early warnings, the daily digest, drills and the dead man's calls, on a real database and real HTTP servers."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from declaring import declare, declare_channel, rows

from aggregator import database
from aggregator.notify.deadman import DeadMan, Path
from aggregator.notify.registries import Registries
from aggregator.notify.warnings import Warnings

PARIS = ZoneInfo("Europe/Paris")


class Server:
    """Answers GETs from `answers`, by path, and remembers them; 404 for what it does not know."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.paths: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                answer = server.answers.get(self.path)
                body = json.dumps(answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Type", "application/rdap+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def url(migrated_url: str) -> str:
    declare(migrated_url)
    declare_channel(migrated_url, "ops", "email", ["operations"], to=["ops@agency.example"])
    declare_channel(migrated_url, "news", "email", ["digest"], to=["news@agency.example"])
    declare_channel(migrated_url, "pages", "email", ["incidents"], to=["oncall@agency.example"])
    return migrated_url


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class Day:
    """The warnings at instants of the test's choice."""

    def __init__(self, pool: Any, rdap: str | None = None) -> None:
        self.now = datetime.now(UTC)
        self.warnings = Warnings(pool, Registries(rdap), lambda: self.now, PARIS, time(8), time(10))


def certificate(url: str, fingerprint: str, days: float, now: datetime, *, issuer: str = "R11", age_h: int = 1) -> None:
    rows(
        url,
        "INSERT INTO quivive.certificates VALUES (101, 'site-1.example', %s, '192.0.2.7:443', 'CN=site-1.example', %s,"
        " '{site-1.example}', %s, %s, 'TLSv1.3', 'x', true, %s, %s)",
        *(fingerprint, issuer, now - timedelta(days=60), now + timedelta(days=days)),
        *(now - timedelta(hours=age_h), now),
    )


def outbox(url: str, kind: str) -> list[Any]:
    return rows(url, "SELECT channel_id, payload FROM quivive.outbox WHERE kind = %s ORDER BY channel_id", kind)


async def test_one_digest_a_day_tells_what_is_new_and_pages_nobody(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        day.now = at("2026-03-02T07:30:00+01:00")
        certificate(url, "aa", 6.5, day.now)
        await day.warnings.look()
        assert not await day.warnings.digest(), "not before eight"
        day.now = at("2026-03-02T08:00:00+01:00")
        assert await day.warnings.digest()
        await day.warnings.look()
        assert not await day.warnings.digest(), "once a day"
        ((first, payload), (second, _)) = outbox(url, "digest")
        assert (first, second) == ("news", "ops")
        assert payload["items"] == [
            {
                "title": "site-1: certificate of site-1.example",
                "detail": "expires 2026-03-08 18:30 UTC",
                "kind": "certificate",
            }
        ]
        day.now = at("2026-03-03T08:00:00+01:00")
        await day.warnings.look()
        assert not await day.warnings.digest(), "nothing is new"
        day.now = at("2026-03-06T08:00:00+01:00")
        rows(url, "UPDATE quivive.certificates SET last_time = %s", day.now)
        await day.warnings.look()
        assert await day.warnings.digest(), "three days are left"
    assert rows(url, "SELECT count(*) FROM quivive.outbox WHERE is_page") == [(0,)]


async def test_what_holds_no_more_has_ended_and_is_news_when_it_comes_back(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        rows(url, "UPDATE quivive.regions SET blind_time = %s, blind_reason = 'silent' WHERE name = 'eu-west'", day.now)
        (found,) = await day.warnings.look()
        assert found.title == "region eu-west is blind"
        rows(url, "UPDATE quivive.regions SET blind_time = NULL")
        assert await day.warnings.look() == []
        assert rows(url, "SELECT end_time IS NOT NULL FROM quivive.warnings") == [(True,)]


async def test_another_issuer_is_noticed(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        certificate(url, "aa", 80, day.now, age_h=500)
        certificate(url, "bb", 90, day.now, issuer="Another CA")
        (found,) = await day.warnings.look()
        assert found.detail == "is from another issuer: Another CA, before R11"


async def test_a_site_that_is_slower_than_in_its_own_four_weeks(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        insert = (
            "INSERT INTO quivive.latency_hourly (check_id, region, bucket, results, up, down, total)"
            " SELECT 101, 1, date_trunc('hour', %s::timestamptz) - n * interval '1 hour', 60, 60, 0,"
            " (SELECT quivive.latency_histogram(%s::integer) FROM generate_series(1, 60))"
            " FROM generate_series(%s::integer, %s::integer) AS n"
        )
        rows(url, insert, day.now, 2_000, 25, 600)
        rows(url, insert, day.now, 9_000, 0, 23)
        (found,) = await day.warnings.look()
        assert (found.kind, found.site) == ("slower", "site-1")


async def test_an_error_budget_that_burns(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        start = day.now - timedelta(minutes=20)
        rows(
            url,
            "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason)"
            " VALUES (101, %s, %s, 1, 't'), (101, %s, NULL, 3, 't')",
            *(start - timedelta(days=1), start, start),
        )
        rows(
            url,
            "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, cause,"
            " responsibility, regions, detail, reason) VALUES ('i1', 101, 'site-1', 'martin', %s, %s, 20, 1, '{}', '', '')",
            *(start, start),
        )
        (found,) = await day.warnings.look()
        assert found.title == "site-1: error budget burns"
        assert found.detail == "333 times as fast as 99.90% allows, over 1 h"


async def test_a_check_that_too_few_regions_have_seen_for_long(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        since = day.now - timedelta(minutes=40)
        rows(url, "UPDATE quivive.checks SET create_time = %s", since - timedelta(hours=1))
        rows(
            url,
            "INSERT INTO quivive.state_intervals (check_id, start_time, state, reason) VALUES (101, %s, 4, 't')",
            since,
        )
        (found,) = await day.warnings.look()
        assert found.title == "site-1: http is unknown"


async def test_a_registry_is_asked_once_a_day_and_an_expiring_domain_warned_of(url: str, server: Server) -> None:
    rows(url, "UPDATE quivive.sites SET url = 'https://www.shop.example/'")
    expire = (datetime.now(UTC) + timedelta(days=13)).strftime("%Y-%m-%dT%H:%M:%SZ")
    server.answers["/domain/shop.example"] = {
        "objectClassName": "domain",
        "handle": "1",
        "ldhName": "shop.example",
        "events": [{"eventAction": "expiration", "eventDate": expire}],
        "entities": [],
    }
    async with database.pool(url) as pool:
        day = Day(pool, server.url)
        await day.warnings.ask_registries()
        await day.warnings.ask_registries()
        assert server.paths == ["/domain/shop.example"]
        (found,) = await day.warnings.look()
        assert found.key == "domain/shop.example/14"
        server.answers.clear()
        day.now += timedelta(days=1, minutes=1)
        await day.warnings.ask_registries()
        assert len(server.paths) == 3  # asked again, and for three labels; the registry has forgotten both
        (kept,) = await day.warnings.look()
        assert kept.kind == "domain"


async def test_every_channel_is_drilled_once_a_day_and_a_broken_one_is_told_on_another(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        rows(url, "UPDATE quivive.channels SET create_time = '2026-01-01'")
        day.now = at("2026-03-02T10:00:00+01:00")
        await day.warnings.drill()
        await day.warnings.drill()
        drills = outbox(url, "drill")
        assert [channel for channel, _ in drills] == ["news", "ops", "pages"]
        assert all(payload["quiet"] for _, payload in drills)
        rows(
            url,
            "UPDATE quivive.outbox SET create_time = %s, sent_time = CASE WHEN channel_id <> 'pages' THEN now() END,"
            " cancel_reason = CASE WHEN channel_id = 'pages' THEN 'given up' END,"
            " last_error = CASE WHEN channel_id = 'pages' THEN '535 who are you' END WHERE kind = 'drill'",
            day.now,
        )
        for _ in range(2):
            await day.warnings.drill()
        ((channel, payload),) = outbox(url, "channel.broken")
        assert channel == "ops"
        assert payload["facts"] == [["Channel", "pages"], ["Reason", "535 who are you"]]


async def test_a_channel_that_has_just_been_declared_is_not_drilled(url: str) -> None:
    async with database.pool(url) as pool:
        day = Day(pool)
        day.now = at("2026-03-02T10:00:00+01:00")
        rows(url, "UPDATE quivive.channels SET create_time = %s", day.now - timedelta(minutes=30))
        await day.warnings.drill()
        assert outbox(url, "drill") == []


async def test_each_address_is_called_while_the_path_moves_and_none_while_it_does_not(server: Server) -> None:
    path = Path()
    dead_man = DeadMan([f"{server.url}/ping/a", f"{server.url}/ping/b"], path, lambda: True)
    async with httpx.AsyncClient() as client:
        await dead_man.call(client)
        assert server.paths == []
        path.committed()
        path.swept()
        await dead_man.call(client)
    assert sorted(server.paths) == ["/ping/a", "/ping/b"]
