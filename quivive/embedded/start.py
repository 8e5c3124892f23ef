"""The start of everything in an order that wastes no time: whatever does not lean on each other goes side by side."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import nats
import psycopg
from nats.errors import Error as NatsError

from quivive import bus
from quivive.configuration import Configuration, Loaded
from quivive.embedded import announce, declare, demo, services
from quivive.embedded.database import Refused
from quivive.embedded.lines import Console
from quivive.embedded.places import answers, host_port, reachable
from quivive.embedded.programs import Server
from quivive.embedded.supervise import Failed, Stage, Supervisor
from quivive.settings import EXIT_USAGE

SERVER_WITHIN = timedelta(seconds=60)
"""Recovery of a large database after a crash takes its time."""
API_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Preparation:
    """Everything that is known before the first program is started."""

    loaded: Loaded | None
    configuration: Configuration
    """What to declare: the user's, and the demo's."""
    regions: tuple[str, ...]
    """The regions that are to have an agent here; none when only the api knows."""
    aggregators: int
    broker: Server | None
    """None for one that is there already; the database likewise."""
    database: Server | None
    demo: demo.Demo | None
    around: services.Surroundings


class Start:
    """One start.

    1. Side by side: the broker, on it the agents; the database, in it the schema; the demo's sites.
    2. The api and the aggregator; through the api the regions and the configuration.
    3. Say what is where, and when the first result is stored; then watch for what the user must change.
    """

    def __init__(self, prepared: Preparation, supervisor: Supervisor, console: Console, started: float) -> None:
        self._prepared, self._around = prepared, prepared.around
        self._supervisor, self._console, self._started = supervisor, console, started
        host = reachable(self._around.bind)
        self._caller = declare.Caller(host_port(host, self._around.grpc_port), self._around.places.token())

    async def run(self) -> None:
        """Never returns. Raises Failed with what the user must change or what does not work."""
        await self._caller.start()
        try:
            regions = await self._begin()
        finally:
            await self._caller.close()
        for line in self._whereabouts(regions).lines(time.monotonic() - self._started):
            self._console.write(announce.NAME, line)
        first = asyncio.create_task(announce.first_result(self._around.database_url, self._started, self._console))
        try:
            await self._supervisor.watch()
        finally:
            first.cancel()
            # The database may have gone away under it: that is shown by others.
            with suppress(asyncio.CancelledError, psycopg.Error):
                await first

    async def _begin(self) -> tuple[str, ...]:
        """Start everything; the regions that have an agent here."""
        await side_by_side(self._bus_and_agents(), self._database_and_schema())
        await self._supervisor.start(Stage.API, services.api(self._around))
        aggregators = (services.aggregator(self._around, n + 1) for n in range(self._prepared.aggregators))
        await self._supervisor.start(Stage.AGGREGATOR, *aggregators)
        regions = await self._declare()
        if not self._prepared.regions:
            await self._start_agents(regions)
        return regions

    async def _bus_and_agents(self) -> None:
        show = self._prepared.demo
        if show is not None:
            await self._supervisor.start(Stage.DEMO, *show.programs)
        await self._serve(self._prepared.broker)
        await prepare_bus(self._around.nats_url)
        if show is not None:
            # It writes what agents have to trust, and they read that once.
            await self._supervisor.until(show.is_ready, "the demo", SERVER_WITHIN)
        # They wait for their checks by themselves.
        await self._start_agents(self._prepared.regions)

    async def _database_and_schema(self) -> None:
        await self._serve(self._prepared.database)
        if self._prepared.database is None:
            await check_database(self._around.database_url)
        await self._supervisor.run_once(services.migration(self._around))

    async def _serve(self, server: Server | None) -> None:
        if server is None:
            return
        try:
            await asyncio.to_thread(server.make)
        except (Refused, OSError) as error:
            raise Failed(f"the {server.program.name} cannot be set up: {error}", EXIT_USAGE) from None
        await self._supervisor.start(Stage.SERVERS, server.program)
        await self._supervisor.until(server.is_ready, f"the {server.program.name}", SERVER_WITHIN)

    async def _start_agents(self, regions: tuple[str, ...]) -> None:
        simulated = len(regions) > 1
        programs = (services.agent(self._around, region, simulated=simulated) for region in regions)
        await self._supervisor.start(Stage.AGENTS, *programs)

    async def _declare(self) -> tuple[str, ...]:
        """Declare regions and configuration; the regions that are to have an agent here."""
        host = reachable(self._around.bind)
        await self._supervisor.until(lambda: answers(host, self._around.grpc_port), "the api", API_WITHIN)
        earlier = await self._caller.regions()
        regions = self._prepared.regions or earlier or (declare.DEFAULT_REGION,)
        wanted = declare.with_regions(self._prepared.configuration, regions)
        await self._caller.apply(wanted, self._prepared.loaded)
        if elsewhere := sorted({*earlier} - {*regions}):
            self._console.write(announce.NAME, f"declared, but without an agent here: {', '.join(elsewhere)}")
        return regions

    def _whereabouts(self, regions: tuple[str, ...]) -> announce.Whereabouts:
        around, show = self._around, self._prepared.demo
        return announce.Whereabouts(
            web=f"{around.public_url}/",
            grpc=host_port(reachable(around.bind), around.grpc_port),
            regions=regions,
            simulated=len(regions) > 1,
            data_dir=around.places.root,
            broker=announce.without_password(around.nats_url),
            database=announce.without_password(around.database_url),
            mail=show.mail if show else None,
        )


async def side_by_side(*steps: Coroutine[object, object, None]) -> None:
    """Take these steps at the same time. When one fails the others are given up; its exception is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def prepare_bus(url: str) -> None:
    """Make streams and buckets first, so that nobody has to complain that they are missing."""
    reasons: list[str] = []

    async def on_error(error: Exception) -> None:
        reasons.append(str(error) or type(error).__name__)

    try:
        connection = await nats.connect(
            url.split(","),
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.2,
            connect_timeout=10,
            error_cb=on_error,
        )
    except (OSError, NatsError) as error:
        raise Failed(f"--nats-url: {reasons[-1] if reasons else error}", EXIT_USAGE) from None
    try:
        await bus.ensure_streams(connection.jetstream())
    except NatsError as error:
        raise Failed(f"the broker cannot have our streams: {error}", EXIT_USAGE) from None
    finally:
        await connection.close()


async def check_database(url: str) -> None:
    """Raises Failed when an existing database cannot be had."""
    try:
        await (await psycopg.AsyncConnection.connect(url, connect_timeout=10)).close()
    except psycopg.Error as error:
        raise Failed(f"--database-url: {' '.join(str(error).split())}", EXIT_USAGE) from None
