"""`python -m probe_agent`: one agent, until SIGTERM or Ctrl-C. `python -m probe_agent check URL`: one check, for a person."""

import asyncio
import gc
import signal
import ssl
import sys
from datetime import timedelta

import structlog
import uvloop

from probe_agent import debug, overload
from probe_agent.connect import Surroundings
from probe_agent.resolve import Resolver
from probe_agent.service import Agent
from probe_agent.settings import AgentSettings
from probe_agent.spool import Spool, SpoolInUse
from probe_agent.trust import anchors, load_trust
from quivive import health, logs
from quivive.bus import connect, disconnect
from quivive.settings import EXIT_USAGE, load

log = structlog.get_logger(__name__)


async def run(settings: AgentSettings, tls: ssl.SSLContext, spool: Spool) -> int:
    """The exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    agent: Agent | None = None
    try:
        endpoint = await health.serve(
            settings.bind,
            settings.health_port,
            lambda: "not connected to the broker yet" if agent is None else agent.not_ready(),
        )
    except OSError as error:
        print(f"QUIVIVE_HEALTH_PORT: {error.strerror or error}", file=sys.stderr)
        return EXIT_USAGE
    resolver = Resolver(settings.resolvers)
    connecting = asyncio.ensure_future(connect(settings.nats_url, name=f"agent {settings.region}"))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            nc = connecting.result()
            surroundings = Surroundings(resolver, tls, settings.allow_targets, settings.tls_sessions, anchors())
            surroundings.client.load()  # now, or it would be billed to the first site
            agent = Agent(settings, nc, surroundings, spool)
            await agent.run(stop)
            await disconnect(nc)
    finally:
        connecting.cancel()
        stopping.cancel()
        await resolver.close()
        await endpoint.close()
    return 0


def main() -> int:
    if sys.argv[1:2] == ["check"]:
        return debug.main(sys.argv[2:])
    settings = load(AgentSettings)
    logs.configure("agent", json=settings.log_json, level=settings.log_level)
    structlog.contextvars.bind_contextvars(region=settings.region)
    try:
        tls = load_trust()
    except ValueError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    try:
        spool = open_spool(settings)
    except (SpoolInUse, OSError) as error:
        print(f"QUIVIVE_SPOOL_DIR: {error}", file=sys.stderr)
        return EXIT_USAGE
    overload.allow_descriptors()
    gc.freeze()  # what has been loaded stays for ever, and need not be looked through again and again
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(settings, tls, spool))
    finally:
        spool.close()


def open_spool(settings: AgentSettings) -> Spool:
    """The region's spool; SpoolInUse or OSError when it cannot be had."""
    size, age = settings.spool_mib * 1024 * 1024, timedelta(hours=settings.spool_hours)
    if settings.spool_dir is None:
        log.warning(
            "spool.in_memory", reason="QUIVIVE_SPOOL_DIR is not set: what the broker does not have dies with the agent"
        )
        return Spool.in_memory(settings.region, size, age)
    return Spool.open(settings.spool_dir, settings.region, size, age)


if __name__ == "__main__":
    sys.exit(main())
