"""Settings come from the environment (`QUIVIVE_*`), are read once, and are fatal with a clear message when wrong."""

import sys
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from quivive.domain.checks import DEFAULT_SHARDS

EXIT_USAGE = 2
"""Exit code for anything the user has to change: a bad setting, a busy port, a wrong file."""


class ServiceSettings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(env_prefix="QUIVIVE_", frozen=True, extra="ignore")

    nats_url: str = Field(
        "nats://127.0.0.1:4222", description="The broker, nats://host:port; several separated by commas"
    )
    shards: int = Field(
        DEFAULT_SHARDS, ge=1, le=4096, description="Shards of the results stream; fixed for a deployment"
    )
    bind: str = Field("127.0.0.1", description="Address that health and metrics listen on")
    health_port: int = Field(0, ge=0, le=65535, description="Port of /livez, /readyz and /metrics; 0 takes a free one")
    log_json: bool = Field(True, description="JSON lines, or columns for a terminal")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level logged")


class DatabaseSettings(BaseSettings):
    """What a service with a database needs beside `ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="QUIVIVE_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(
        description="PostgreSQL or TimescaleDB, postgresql://user:password@host:port/database"
    )


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S]) -> S:
    """The settings from the environment, or one clear line per problem and exit code 2."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "QUIVIVE_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
