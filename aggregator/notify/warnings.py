"""Early warnings and what is done once a day: looks at what is on record, remembers what holds, and tells of it in one digest."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import structlog
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from aggregator.escalate import warnings as decide
from aggregator.notify.registries import Registries, Unknown, client
from quivive import sql

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/warnings.sql")
EVERY_S = 300.0
DRILLS_S = 30.0
MOST_DOMAINS = 200
"""Asked for in one round."""
MOST_TOLD = 200


class Warnings:
    """`zone` and the two times are the operator's; `clock` tells the time."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        registries: Registries,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        digest_at: time,
        drill_at: time,
    ) -> None:
        self._pool, self._registries, self._clock = pool, registries, clock
        self._zone, self._digest_at, self._drill_at = zone, digest_at, drill_at

    async def run(self) -> None:
        """For as long as the task lives."""
        rounds = 0
        while True:
            await asyncio.sleep(DRILLS_S)
            rounds += 1
            try:
                await self.drill()
                if rounds % int(EVERY_S / DRILLS_S) == 0:
                    await self.ask_registries()
                    await self.look()
                    await self.digest()
            except database.PASSING as error:
                log.warning("warnings.postponed", error=str(error))

    async def look(self) -> list[decide.Warning]:
        """Remember what holds now; what was raised and holds no more has ended. Nothing while another aggregator is at it."""
        now = self._clock()
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(SQL["alone"])).fetchone()
            if row is None or not row[0]:
                return []
            found = await _holding(connection, now)
            for warning in found:
                fields = {name: getattr(warning, name) for name in ("key", "kind", "site", "title", "detail")}
                await connection.execute(SQL["raise"], {**fields, "now": now})
            await connection.execute(SQL["end"], {"now": now, "keys": [warning.key for warning in found]})
            for section in ("forget", "forget_domains", "forget_escalations"):
                await connection.execute(SQL[section], {"now": now})
        return found

    async def digest(self) -> bool:
        """Once a day, after the operator's time for it: one message with all that is new. True when there was something to tell."""
        now = self._clock()
        local = now.astimezone(self._zone)
        if local.time() < self._digest_at:
            return False
        async with self._pool.connection() as connection, connection.transaction():
            if not await _once(connection, "digest", local):
                return False
            items = await (await connection.execute(SQL["untold"], {"now": now})).fetchall()
            if not items:
                return False
            told = [{"title": title, "detail": detail, "kind": kind} for kind, title, detail in sorted(items)]
            if len(told) > MOST_TOLD:
                told[MOST_TOLD:] = [{"title": "…", "detail": f"and {len(told) - MOST_TOLD} more", "kind": "more"}]
            row = {"key": f"digest/{local:%Y-%m-%d}", "payload": Jsonb({"items": told}), "now": now}
            await connection.execute(SQL["digest_enqueue"], row)
        return True

    async def drill(self) -> None:
        """Once a day a synthetic incident through each channel, as far as its last hop; one that fails is told on the others."""
        now = self._clock()
        local = now.astimezone(self._zone)
        async with self._pool.connection() as connection, connection.transaction():
            if local.time() >= self._drill_at and await _once(connection, "drill", local):
                row = {"day": f"{local:%Y-%m-%d}", "now": now}
                await connection.execute(SQL["drill_enqueue"], row)
            failed = await (await connection.execute(SQL["drills_failed"], {"now": now})).fetchall()
            for key, channel, reason in failed:
                payload = {
                    "subject": f"Channel {channel} is broken",
                    "sentence": f"The daily test of channel {channel} failed: pages on it would not arrive.",
                    "facts": [["Channel", channel], ["Reason", reason]],
                    "is_bad": True,
                    "severity": "critical",
                }
                row = {
                    "key": f"channel.broken/{key}/{channel}",
                    "payload": Jsonb(payload),
                    "channel": channel,
                    "now": now,
                }
                await connection.execute(SQL["broken_enqueue"], row)
                log.warning("channel.broken", channel=channel, reason=reason)

    async def ask_registries(self) -> None:
        """When domains expire, once a day each. An answer that fails leaves what was known."""
        now = self._clock()
        async with self._pool.connection() as connection:
            hosts = [host for (host,) in await (await connection.execute(SQL["hosts"])).fetchall()]
            cursor = await connection.execute(SQL["domains_fresh"], {"now": now})
            fresh = {domain for (domain,) in await cursor.fetchall()}
        wanted = [names for names in decide.registered_domains(hosts) if fresh.isdisjoint(names)]
        if not wanted:
            return
        async with client() as http:
            for names in wanted[:MOST_DOMAINS]:
                await self._ask(http, names, now)

    async def _ask(self, http: httpx.AsyncClient, names: tuple[str, ...], now: datetime) -> None:
        row: dict[str, Any] = {"domain": names[0], "now": now, "expire": None, "registrar": "", "error": ""}
        for name in names:
            try:
                answer = await self._registries.ask(http, name)
            except Unknown:
                row["error"] = "the registry does not know it"
                continue
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                row["error"] = f"{type(error).__name__}: {error}"[:500]
                log.info("domain.not_asked", domain=name, error=row["error"])
                break
            row.update(domain=name, expire=answer.expire, registrar=answer.registrar, error="")
            break
        async with self._pool.connection() as connection:
            await connection.execute(SQL["domain_store"], row)


async def _once(connection: psycopg.AsyncConnection, job: str, local: datetime) -> bool:
    row = {"job": job, "day": local.date()}
    return await (await connection.execute(SQL["once_a_day"], row)).fetchone() is not None


async def _holding(connection: psycopg.AsyncConnection, now: datetime) -> list[decide.Warning]:
    """Everything that deserves a warning now."""

    async def rows(section: str) -> list[tuple[Any, ...]]:
        return await (await connection.execute(SQL[section], {"now": now})).fetchall()

    found: list[decide.Warning | None] = []
    for site, check, host, fingerprint, issuer, expire, first, before in await rows("certificates"):
        found.append(decide.certificate(site, check, host, fingerprint, expire, now))
        if now - first < timedelta(days=7):
            found.append(decide.issuer(site, check, host, fingerprint, issuer, before))
    found += [decide.domain(name, expire, registrar, now) for name, expire, registrar in await rows("domains")]
    found += [decide.slower(*row) for row in await rows("slower")]
    rates: dict[tuple[str, int, float], dict[timedelta, float | None]] = defaultdict(dict)
    for site, check, objective, span, rate in await rows("burning"):
        rates[site, check, objective][span] = None if rate is None else float(rate)
    found += [decide.burning(*key, burnt) for key, burnt in rates.items()]
    for site, check, name, region in await rows("blocked"):
        title = f"{site}: {name} is blocked"
        found.append(decide.Warning(f"blocked/{check}/{region}", "blocked", site, title, f"as seen from {region}"))
    for key, payload in await rows("drifted"):
        title = f"{payload['site']}: the page changed"
        found.append(decide.Warning(f"drifted/{key}", "drifted", payload["site"], title, payload["detail"]))
    for site, check, name, since in await rows("unknown"):
        detail = f"too few regions see it since {since:%Y-%m-%d %H:%M} UTC"
        key = f"unknown/{check}/{int(since.timestamp())}"
        found.append(decide.Warning(key, "unknown", site, f"{site}: {name} is unknown", detail))
    for region, since, reason in await rows("blind"):
        detail = f"since {since:%Y-%m-%d %H:%M} UTC: {reason}"
        found.append(
            decide.Warning(
                f"blind/{region}/{int(since.timestamp())}", "blind", None, f"region {region} is blind", detail
            )
        )
    return [warning for warning in found if warning is not None]
