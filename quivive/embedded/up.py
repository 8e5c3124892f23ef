"""`quivive up`: the whole of Quivive on this machine, under one supervisor.

1. Check what the user gave: configuration, data directory, ports. Nothing is started when something is wrong.
2. Start everything (`start.py`), and start again what dies.
3. On Ctrl-C or SIGTERM stop everything: agents, aggregator, api, servers; a second one hastens.
"""

import asyncio
import os
import signal
import sys

from quivive.configuration import Configuration, ConfigurationError, Loaded, load
from quivive.embedded import announce, broker, database, demo, services
from quivive.embedded.lines import Console
from quivive.embedded.options import UpOptions
from quivive.embedded.places import Places, host_port, reachable
from quivive.embedded.preflight import check_port, claim
from quivive.embedded.start import Preparation, Start
from quivive.embedded.supervise import Failed, Supervisor
from quivive.settings import EXIT_USAGE


def run(options: UpOptions) -> int:
    """Run until told to stop; the exit code."""
    started = announce.process_start()
    lock: int | None = None
    try:
        loaded = load(options.config) if options.config else None
        lock = claim(options.data_dir)
        return asyncio.run(_run(_prepare(options, loaded), started))
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
    places = Places(options.data_dir)
    try:
        own_broker = None if options.nats_url else broker.server(places)
        own_database = None if options.database_url else database.server(places)
    except (broker.Missing, database.Refused) as error:
        raise Failed(str(error), EXIT_USAGE) from None
    show = demo.prepare(places) if options.demo else None
    around = services.Surroundings(
        places=places,
        nats_url=options.nats_url or (own_broker.url if own_broker else ""),
        database_url=options.database_url or (own_database.url if own_database else ""),
        bind=options.bind,
        public_url=options.public_url or f"http://{host_port(reachable(options.bind), options.http_port)}",
        grpc_port=options.grpc_port,
        http_port=options.http_port,
        extra=show.environment if show else {},
    )
    configuration = loaded.configuration if loaded else Configuration()
    if show is not None:
        configuration = demo.beside(configuration, show)
    named = options.regions or tuple(region.id for region in configuration.regions)
    return Preparation(loaded, configuration, named, options.aggregators, own_broker, own_database, show, around)


async def _run(prepared: Preparation, started: float) -> int:
    console = Console()
    supervisor = Supervisor(console)
    main = asyncio.create_task(Start(prepared, supervisor, console, started).run())

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
