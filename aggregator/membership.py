"""Being one of several aggregators: renews our lease, sees to those that are gone, and keeps to our share of the shards.

1. Once a second the lease is renewed; one that could not be for 5 s has run out, and whoever notices may bury us.
2. Whoever was away itself, or has just come, first gives the others time to show up: the database may have been away for all.
3. Shards that are free are taken up to our share. Those beyond it are handed over: the consumer saves them, then releases them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog

from aggregator import database
from aggregator.leases import RENEW_S, Lease, Leases, Member, share
from aggregator.reports import Report, total

log = structlog.get_logger(__name__)

RETRY_S = 0.25
GRACE_S = 3.0
"""How long to have watched the others without a pause before one of them may be buried."""
LONGEST_PAUSE_S = 2.5


class Membership:
    """Our part in the deployment. `report` says what the others should know; `blind` reads the regions on record as blind."""

    def __init__(
        self, leases: Leases, shards: int, report: Callable[[], Report], blind: Callable[[], Awaitable[frozenset[str]]]
    ) -> None:
        self._leases = leases
        self._shards = shards
        self._report = report
        self._read_blind = blind
        self._changed = asyncio.Event()
        self._gained: list[Lease] = []
        self._owned: set[int] = set()
        self._watching_since = self._renewed_at = time.monotonic()
        self.others = Report()
        """What the other aggregators told last, together."""
        self.blind: frozenset[str] = frozenset()
        """The regions on record as blind."""
        self.surplus = 0
        """How many of our shards others should have."""
        self.settled = False
        """We know our share."""

    async def follow(self) -> None:
        """For as long as the task lives. Raises Fenced when others have buried us."""
        while True:
            try:
                await self._renew()
                pause_s = RENEW_S
            except database.PASSING as error:
                log.warning("lease.not_renewed", error=str(error))
                pause_s = RETRY_S
            await asyncio.sleep(pause_s)

    async def changed(self) -> None:
        """Wait until shards were gained."""
        await self._changed.wait()

    def gained(self) -> list[Lease]:
        """The shards that have come to us since the last call."""
        gained, self._gained = self._gained, []
        self._changed.clear()
        return gained

    async def release(self, shards: Collection[int]) -> None:
        """These have been saved: let others have them. Waits for a database that is away."""
        self._owned -= set(shards)
        async for attempt in database.patiently():
            with attempt:
                await self._leases.keep(self._owned)
        self.surplus = max(0, self.surplus - len(shards))
        log.info("shards.released", shards=sorted(shards))

    async def _renew(self) -> None:
        members = await self._leases.renew(self._report())
        now = time.monotonic()
        if now - self._renewed_at > LONGEST_PAUSE_S:
            self._watching_since = now
        self._renewed_at = now
        if now - self._watching_since >= GRACE_S and (dead := await self._leases.bury()):
            log.warning("aggregators.buried", aggregators=dead)
            members = [member for member in members if member.name not in dead]
        self.others = total(member.report for member in members if member.name != self._leases.name)
        self.blind = await self._read_blind()
        await self._balance(members)
        self.settled = True

    async def _balance(self, members: Sequence[Member]) -> None:
        (on_record,) = (member.shards for member in members if member.name == self._leases.name)
        if on_record > len(self._owned):  # the answer to the last taking was lost, or a hand-over is under way
            await self._leases.keep(self._owned)
        wanted = share(members, self._leases.name, self._shards)
        if len(self._owned) < wanted and (taken := await self._leases.take(wanted - len(self._owned))):
            log.info("shards.taken", shards=[lease.shard for lease in taken], share=wanted, aggregators=len(members))
            self._owned.update(lease.shard for lease in taken)
            self._gained += taken
            self._changed.set()
        self.surplus = max(0, len(self._owned) - wanted)
