"""Quivive's own processes, as `quivive up` starts them: what they are called and what they are told."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from quivive.embedded.places import Places
from quivive.embedded.programs import Program

STOP_WITHIN = timedelta(seconds=8)
"""They promise 5 s."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all of them share."""

    places: Places
    nats_url: str
    database_url: str
    bind: str
    public_url: str
    grpc_port: int
    http_port: int
    extra: Mapping[str, str]
    """On top of the user's own environment."""

    def environment(self, name: str, **own: str) -> dict[str, str]:
        """The user's environment, what all share, and what is this program's own."""
        inherited = {key: value for key, value in os.environ.items() if key != "QUIVIVE_DATABASE_URL"}
        return {
            # A service has a hundred small short-lived buffers and few threads: more arenas only waste memory.
            "MALLOC_ARENA_MAX": "2",
            "QUIVIVE_LOG_JSON": "false",
            **inherited,
            **self.extra,
            "PYTHONUNBUFFERED": "1",
            "QUIVIVE_NATS_URL": self.nats_url,
            "QUIVIVE_BIND": "127.0.0.1",
            "QUIVIVE_HEALTH_PORT": str(self.places.port(f"health-{name}")),
            **own,
        }


def _service(name: str, module: str, environment: dict[str, str], *arguments: str) -> Program:
    argv = (sys.executable, "-m", module, *arguments)
    return Program(name=name, argv=argv, environment=environment, stop_within=STOP_WITHIN)


def migration(around: Surroundings) -> Program:
    environment = around.environment("migrate", QUIVIVE_DATABASE_URL=around.database_url)
    return _service("migrate", "aggregator", environment, "migrate")


def link_key(around: Surroundings) -> str:
    """What signs the links that acknowledge: whoever makes them and whoever reads them have the same."""
    return os.environ.get("QUIVIVE_LINK_KEY") or around.places.secret("links")


def api(around: Surroundings) -> Program:
    around.places.token()
    environment = around.environment(
        "api",
        QUIVIVE_DATABASE_URL=around.database_url,
        QUIVIVE_BIND=around.bind,
        QUIVIVE_GRPC_PORT=str(around.grpc_port),
        QUIVIVE_HTTP_PORT=str(around.http_port),
        QUIVIVE_PUBLIC_URL=around.public_url,
        QUIVIVE_OPERATOR_TOKEN_FILE=str(around.places.token_file),
        QUIVIVE_HEARTBEAT_KEY=os.environ.get("QUIVIVE_HEARTBEAT_KEY") or around.places.secret("heartbeats"),
        QUIVIVE_LINK_KEY=link_key(around),
    )
    return _service("api", "api", environment)


def aggregator(around: Surroundings, number: int = 1) -> Program:
    """One of several, which share the work."""
    name = "aggregator" if number == 1 else f"aggregator-{number}"
    environment = around.environment(
        name,
        QUIVIVE_DATABASE_URL=around.database_url,
        QUIVIVE_PUBLIC_URL=around.public_url,
        QUIVIVE_LINK_KEY=link_key(around),
    )
    return _service(name, "aggregator", environment)


def agent(around: Surroundings, region: str, *, simulated: bool) -> Program:
    name = f"agent-{region}"
    environment = around.environment(
        name,
        QUIVIVE_REGION=region,
        QUIVIVE_SIMULATED=str(simulated).lower(),
        QUIVIVE_SPOOL_DIR=str(around.places.root / "spool" / region),
    )
    return _service(name, "probe_agent", environment)
