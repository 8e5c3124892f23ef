"""What is judged once for all shards: which regions are blind, and whether data is complete.

The owner of shard 0 is on duty. Whatever it finds is committed with that shard's mark, so that one who has been displaced records
nothing, and the operator hears everything once. The others tell it of their shards (`aggregator.reports`) and decide under the
regions that are on record as blind.
"""

from collections.abc import Mapping

import structlog
from psycopg_pool import AsyncConnectionPool

from aggregator import completeness, database
from aggregator.completeness import Completeness
from aggregator.decide.compare import blind_by_comparison, watched_checks
from aggregator.membership import Membership
from aggregator.persist.batch import Batch, RegionEvent
from aggregator.policies import SQL, Declared
from aggregator.regions import Lookout, differences
from aggregator.reports import Report, total
from quivive.domain.checks import HEARTBEAT_REGION

log = structlog.get_logger(__name__)

DUTY_SHARD = 0


class Watch:
    """`blind` are the regions whose votes do not count."""

    def __init__(self, pool: AsyncConnectionPool, lookout: Lookout, membership: Membership, shards: int) -> None:
        self._pool = pool
        self._lookout = lookout
        self._membership = membership
        self._shards = shards
        self._told = Completeness()
        self._now_us = 0
        self.on_duty = False
        self.blind: frozenset[str] = frozenset()

    @property
    def doubted(self) -> frozenset[str]:
        """The regions that are blind by comparison only."""
        return self._lookout.doubted

    async def go_on_duty(self) -> None:
        """Begin where the last one stopped. Waits for a database that is away."""
        async for attempt in database.patiently():
            with attempt:
                async with self._pool.connection() as connection:
                    self._told = await completeness.load_told(connection)
                self.blind = await blind_regions(self._pool)
        self.on_duty = True
        log.info("watch.begun", blind=sorted(self.blind))

    def go_off_duty(self) -> None:
        """Another one has the shard, or will."""
        self.on_duty = False

    def look(self, declared: Declared, batch: Batch, now_us: int) -> None:
        """Who is blind now: as we find, recorded in the batch, or as is on record. Time does not go back."""
        self._lookout.declare(declared.regions.keys() - {HEARTBEAT_REGION})
        if not self.on_duty:
            self.blind = self._membership.blind.intersection(declared.regions)
            self._lookout.doubt(dict.fromkeys(self._membership.others.doubted, "finds sites down that others find up"))
            return
        now_us = self._now_us = max(self._now_us, now_us)
        newly, sighted = differences(self._lookout.blindness(), self.blind)
        for region, reason in newly.items():
            log.warning("region.blinded", region=region, reason=reason)
            batch.region_events.append(RegionEvent(region, "blind", now_us, reason))
        for region in sighted:
            log.info("region.sighted", region=region)
            batch.region_events.append(RegionEvent(region, "sighted", now_us, ""))
        self.blind = self.blind.union(newly).difference(sighted).intersection(declared.regions)

    def compare(self, ours: Report, declared: Declared) -> None:
        """Doubt a region that finds many sites down which every other one finds up; `look` acts on it."""
        everything = self._whole(ours)
        if not self.on_duty or everything is None or not (everything.lone or self._lookout.doubted):
            return
        watched = watched_checks(p for policies in declared.shards.values() for p in policies.current.values())
        doubted = blind_by_comparison(self._lookout.doubted, everything.lone, watched)
        self._lookout.doubt(_reasons(doubted, everything.lone, watched))

    def judge_completeness(self, ours: Report, batch: Batch) -> None:
        """Tell the operator when data became incomplete, or complete again."""
        everything = self._whole(ours)
        if self.on_duty and self._now_us and everything is not None:
            batch.notices += self._told.judge(everything.unknown, self._now_us)

    def _whole(self, ours: Report) -> Report | None:
        """What is known of all shards; None while some are on their way to another owner."""
        everything = total([ours, self._membership.others])
        return everything if everything.shards == self._shards else None


def _reasons(doubted: frozenset[str], lone: Mapping[str, int], watched: Mapping[str, int]) -> dict[str, str]:
    return {
        region: f"finds {lone[region]} of {watched[region]} sites down that every other region finds up"
        for region in doubted
    }


async def blind_regions(pool: AsyncConnectionPool) -> frozenset[str]:
    """Those on record. Raises one of `database.PASSING`."""
    async with pool.connection() as connection:
        return frozenset(row[0] for row in await (await connection.execute(SQL["blind_regions"])).fetchall())
