"""`quivive up`: the whole of Quivive on this machine, under one supervisor.

1. Check what the user gave: configuration, data directory, ports. Nothing is started when something is wrong.
2. Start broker and database, or use the ones given; bring the schema up to date.
3. Start api, aggregator and agents; declare regions and configuration through the api.
4. Say what is where, and when the first result is stored. Start again what dies.
5. On Ctrl-C or SIGTERM stop everything: agents, aggregator, api, servers; a second one hastens.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from quivive import bus
from quivive.configuration import Configuration, ConfigurationError, Loaded, load
from quivive.embedded import announce, broker, database, declare, demo, services
from quivive.embedded.lines import Console
from quivive.embedded.options import UpOptions
from quivive.embedded.places import Places, answers, host_port, reachable
from quivive.embedded.preflight import check_port, claim
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
    broker: Server | None
    database: Server | None
    demo: demo.Demo | None
    around: services.Surroundings


def run(options: UpOptions) -> int:
    """Run until told to stop; the exit code."""
    started = announce.process_start()
    lock: int | None = None
    try:
        loaded = load(options.config) if options.config else None
        lock = claim(options.data_dir)
        return asyncio.run(_run(options, _prepare(options, loaded), started))
    except ConfigurationError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EXIT_USAGE
    except Failed as error:
        print(f"quivive up: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:  # while nothing was running yet
        return 0
    finally:
        if lock is not None:
            os.close(lock)


def _prepare(options: UpOptions, loaded: Loaded | None) -> Preparation:
    """Raises Failed when something is missing or in the way."""
    check_port(options.bind, options.grpc_port, "--grpc-port")
    check_port(options.bind, options.http_port, "--http-port")
    places = Places(options.data_dir.resolve())
    try:
        nats = None if options.nats_url else broker.prepare(places)
        postgres = None if options.database_url else database.prepare(places)
    except (broker.Missing, database.Refused) as error:
        raise Failed(str(error), EXIT_USAGE) from None
    show = demo.prepare(places) if options.demo else None
    around = services.Surroundings(
        places=places,
        nats_url=options.nats_url or (nats.url if nats else ""),
        database_url=options.database_url or (postgres.url if postgres else ""),
        bind=options.bind,
        public_url=options.public_url or f"http://{host_port(reachable(options.bind), options.http_port)}",
        grpc_port=options.grpc_port,
        http_port=options.http_port,
        extra=show.environment if show else {},
    )
    return Preparation(loaded, nats, postgres, show, around)


async def _run(options: UpOptions, prepared: Preparation, started: float) -> int:
    console = Console()
    supervisor = Supervisor(console)
    main = asyncio.create_task(_start_and_watch(options, prepared, supervisor, console, started))

    def on_signal() -> None:
        if main.cancelling():
            supervisor.hurry.set()
        else:
            console.write(announce.NAME, "stopping")
            main.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    try:
        await main
    except asyncio.CancelledError:
        return 0
    finally:
        await supervisor.stop()
        console.write(announce.NAME, "stopped")
    return 0


async def _start_and_watch(
    options: UpOptions, prepared: Preparation, supervisor: Supervisor, console: Console, started: float
) -> None:
    around = prepared.around
    await _start_servers(prepared, supervisor)
    configuration = prepared.loaded.configuration if prepared.loaded else Configuration()
    if prepared.demo is not None:
        configuration = demo.beside(configuration, prepared.demo)
    await _prepare_bus(around.nats_url)
    # Agents wait for their checks by themselves: where the regions are known, they get ready meanwhile.
    named = options.regions or tuple(region.id for region in configuration.regions)
    await _start_agents(named, around, supervisor)
    await supervisor.run_once(services.migration(around))
    before = await announce.progress(around.database_url)
    await supervisor.start(Stage.API, services.api(around))
    await supervisor.start(Stage.AGGREGATOR, services.aggregator(around))
    regions = await _declare(options, configuration, named, prepared.loaded, supervisor, console)
    if not named:
        await _start_agents(regions, around, supervisor)
    whereabouts = announce.Whereabouts(
        web=f"{around.public_url}/",
        grpc=host_port(reachable(options.bind), options.grpc_port),
        regions=regions,
        simulated=len(regions) > 1,
        data_dir=around.places.root,
        broker=announce.without_password(around.nats_url),
        database=announce.without_password(around.database_url),
        mail=prepared.demo.mail if prepared.demo else None,
    )
    for line in whereabouts.lines(time.monotonic() - started):
        console.write(announce.NAME, line)
    first = asyncio.create_task(announce.first_result(around.database_url, before, started, console))
    try:
        await supervisor.watch()
    finally:
        first.cancel()
        # The database may have gone away under it: that is shown by others.
        with suppress(asyncio.CancelledError, psycopg.Error):
            await first


async def _start_servers(prepared: Preparation, supervisor: Supervisor) -> None:
    servers = [server for server in (prepared.broker, prepared.database) if server is not None]
    await supervisor.start(Stage.SERVERS, *(server.program for server in servers))
    if prepared.demo is not None:
        await supervisor.start(Stage.DEMO, *prepared.demo.programs)
    for server in servers:
        await supervisor.until(server.is_ready, f"the {server.program.name}", SERVER_WITHIN)
    if prepared.database is None:
        try:
            await (await psycopg.AsyncConnection.connect(prepared.around.database_url, connect_timeout=10)).close()
        except psycopg.Error as error:
            raise Failed(f"--database-url: {' '.join(str(error).split())}", EXIT_USAGE) from None
    if prepared.demo is not None:
        await supervisor.until(prepared.demo.is_ready, "the demo", SERVER_WITHIN)


async def _prepare_bus(nats_url: str) -> None:
    """Make streams and buckets first, so that nobody has to complain that they are missing."""
    connection = await bus.connect(nats_url, name="quivive up")
    try:
        await bus.ensure_streams(connection.jetstream())
    finally:
        await connection.close()


async def _start_agents(regions: tuple[str, ...], around: services.Surroundings, supervisor: Supervisor) -> None:
    simulated = len(regions) > 1
    programs = (services.agent(around, region, simulated=simulated) for region in regions)
    await supervisor.start(Stage.AGENTS, *programs)


async def _declare(
    options: UpOptions,
    configuration: Configuration,
    named: tuple[str, ...],
    loaded: Loaded | None,
    supervisor: Supervisor,
    console: Console,
) -> tuple[str, ...]:
    """Declare regions and configuration; the regions that are to have an agent here."""
    host = reachable(options.bind)
    await supervisor.until(lambda: answers(host, options.grpc_port), "the api", API_WITHIN)
    address = host_port(host, options.grpc_port)
    earlier = await declare.regions(address)
    regions = named or earlier or (declare.DEFAULT_REGION,)
    await declare.apply(address, declare.with_regions(configuration, regions), loaded)
    if elsewhere := sorted({*earlier} - {*regions}):
        console.write(announce.NAME, f"declared, but without an agent here: {', '.join(elsewhere)}")
    return regions
