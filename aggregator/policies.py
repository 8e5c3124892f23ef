"""What is declared, as the verdict needs it: policies by shard, region numbers, and which checks exist at all."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import psycopg
import structlog
from numpy.typing import NDArray
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from aggregator.decide.policy import Policies, Policy
from quivive import sql
from quivive.domain.checks import shard_of
from quivive.domain.times import to_us

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/policies.sql")
POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Declared:
    """One configuration revision."""

    revision: int
    shards: Mapping[int, Policies]
    """Every shard has an entry."""
    latest: Mapping[int, Policy]
    """By check the newest revision's, watched or not."""
    regions: Mapping[str, int]
    """The declared regions' numbers in the database, by name."""
    checks: NDArray[np.int64]
    """Sorted ids of every check that results may still come for, watched or not."""

    def knows(self, checks: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these ids the database has."""
        if not len(self.checks):
            return np.zeros(len(checks), np.bool_)
        found: NDArray[np.bool_] = (
            self.checks[np.minimum(np.searchsorted(self.checks, checks), len(self.checks) - 1)] == checks
        )
        return found

    def is_critical(self, check: int) -> bool:
        """Whether the check decides its site's state."""
        policy = self.latest.get(check)
        return policy is not None and policy.critical


class PolicyStore:
    """Follows the configuration's revision and reloads what is declared when it moves."""

    def __init__(self, pool: AsyncConnectionPool, shards: int) -> None:
        self._pool = pool
        self._shards = shards
        self._declared: Declared | None = None

    @property
    def declared(self) -> Declared:
        """The newest that was read."""
        assert self._declared is not None, "refresh comes first"
        return self._declared

    async def refresh(self) -> None:
        """Read what is declared if it changed. Raises one of `database.PASSING`."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["one_snapshot"])
            row = await (await connection.execute(SQL["revision"])).fetchone()
            assert row is not None
            if self._declared is not None and self._declared.revision == row[0]:
                return
            self._declared = await _load(connection, row[0], self._shards, self._declared)
        log.info("policies.loaded", revision=row[0], checks=len(self._declared.checks))

    async def follow(self) -> None:
        """Poll for as long as the task lives; an outage of the database leaves what was read last."""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.refresh()
            except database.PASSING as error:
                log.warning("policies.refresh_failed", error=str(error))


async def _load(connection: psycopg.AsyncConnection, revision: int, shards: int, previous: Declared | None) -> Declared:
    current: dict[int, dict[int, Policy]] = defaultdict(dict)
    revisions: dict[int, dict[tuple[int, int], Policy]] = defaultdict(dict)
    ended: dict[int, dict[int, str]] = defaultdict(dict)
    latest: dict[int, Policy] = {}
    cursor = await connection.execute(SQL["policies"])
    for row in await cursor.fetchall():
        (check, number, is_current, paused, deleted, critical, create_time, name, site, customer, *rest) = row
        regions, interval_us, timeout_us, down_attempts = rest
        shard = shard_of(check, shards)
        policy = Policy(
            check=check,
            revision=number,
            name=f"sites/{site}/checks/{name}",
            site=site,
            customer=customer,
            regions=tuple(regions),
            interval_us=interval_us,
            timeout_us=timeout_us,
            down_attempts=down_attempts,
            critical=critical,
            create_time_us=to_us(create_time),
        )
        revisions[shard][check, number] = policy
        if is_current:
            latest[check] = policy
        if deleted or paused:
            ended[shard][check] = "deleted" if deleted else "paused"
        elif is_current:
            current[shard][check] = policy
    loaded = {shard: Policies(current[shard], revisions[shard], ended[shard]) for shard in range(shards)}
    if previous is not None:  # the core tells by identity whether it has to look at them
        loaded = {
            s: previous.shards[s] if previous.shards[s] == policies else policies for s, policies in loaded.items()
        }
    region_cursor = await connection.execute(SQL["regions"])
    return Declared(
        revision=revision,
        shards=loaded,
        latest=latest,
        regions=dict(await region_cursor.fetchall()),
        checks=np.array(sorted(latest), np.int64),
    )
