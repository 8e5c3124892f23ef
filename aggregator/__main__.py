"""`python -m aggregator` runs the service; `python -m aggregator migrate` brings the schema up to date."""

import argparse
import sys

import psycopg
import uvloop
from pydantic_settings import SettingsConfigDict

from aggregator import service
from aggregator.database import Pooled
from aggregator.migrate import Refused, migrate
from aggregator.settings import AggregatorSettings
from quivive import logs
from quivive.settings import EXIT_USAGE, DatabaseSettings, ServiceSettings, load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m aggregator", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["migrate"], help="leave it out to run the service")
    if parser.parse_args().command == "migrate":
        return _migrate()
    settings = load(AggregatorSettings)
    logs.configure("aggregator", json=settings.log_json, level=settings.log_level)
    return uvloop.run(service.run(settings))


class MigrateSettings(ServiceSettings, DatabaseSettings):
    """Settings of `python -m aggregator migrate`."""

    model_config = SettingsConfigDict(env_prefix="QUIVIVE_", frozen=True, extra="ignore")


def _migrate() -> int:
    settings = load(MigrateSettings)
    logs.configure("migrate", json=settings.log_json, level=settings.log_level)
    try:
        storage = migrate(settings.database_url.get_secret_value())
    except (Refused, Pooled) as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except psycopg.OperationalError as error:
        print(f"the database cannot be reached: {str(error).strip()}", file=sys.stderr)
        return 1
    print(f"The schema is up to date; results are stored in {storage}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
