"""Fixtures that every test may use: real servers, a fresh database each, and a word at the end on what was not run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from community import community, community_version
from psycopg import conninfo, sql
from servers import NatsServer, PostgresServer, TimescaleServer, Unavailable, server_version

VERSIONS = pytest.StashKey[set[str]]()
"""The database servers that tests ran on."""


def fresh_database(admin_url: str, config: pytest.Config) -> Iterator[str]:
    """The URL of an empty database on that server, dropped afterwards."""
    name = f"quivive_test_{uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        config.stash[VERSIONS].add(server_version(connection))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(admin_url).items()}
    yield f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{name}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A broker of the test's own, with nothing on it; it may be killed and started again."""
    server = NatsServer(tmp_path_factory.mktemp("nats")).start()
    yield server
    server.stop()


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    return nats_server.url


@pytest.fixture
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, to be killed and started again; `url` is an empty database. Takes a second."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql_admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that QUIVIVE_TEST_DATABASE_URL names, else an embedded PostgreSQL."""
    given = os.environ.get("QUIVIVE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = PostgresServer(tmp_path_factory.mktemp("postgres")).start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def timescale_admin_url() -> Iterator[str]:
    """A TimescaleDB server. Without one the test is skipped with the reason, and under CI fails."""
    given = os.environ.get("QUIVIVE_TEST_DATABASE_URL")
    if given:
        with psycopg.connect(given) as connection:
            if "TimescaleDB" in server_version(connection):
                yield given
                return
    try:
        server = TimescaleServer()
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    server.start()
    yield server.url
    server.remove()


@pytest.fixture(scope="session")
def community_connection(pytestconfig: pytest.Config) -> Iterator[psycopg.Connection]:
    """The only connection to TimescaleDB's Community edition, migrated. Without it the test is skipped with the reason."""
    try:
        with community() as connection:
            pytestconfig.stash[VERSIONS].add(community_version(connection))
            yield connection
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def database_url(postgresql_admin_url: str, pytestconfig: pytest.Config) -> Iterator[str]:
    """A fresh, empty database."""
    yield from fresh_database(postgresql_admin_url, pytestconfig)


@pytest.fixture
def timescale_url(timescale_admin_url: str, pytestconfig: pytest.Config) -> Iterator[str]:
    """A fresh, empty database on TimescaleDB; the extension is not created yet."""
    yield from fresh_database(timescale_admin_url, pytestconfig)


@pytest.fixture(params=["postgresql", "timescaledb"])
def storage_url(request: pytest.FixtureRequest) -> str:
    """A fresh, empty database, on each kind of server in turn: for whatever depends on how results are stored."""
    url: str = request.getfixturevalue("timescale_url" if request.param == "timescaledb" else "database_url")
    return url


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    config.stash[VERSIONS] = set()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Several processes run the tests: what each of them met comes together."""
    node.config.stash[VERSIONS].update(node.workeroutput.get("versions", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["versions"] = sorted(session.config.stash[VERSIONS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say on which database servers the tests ran, and what did not run and why."""
    if versions := config.stash[VERSIONS]:
        terminalreporter.section("databases")
        for version in sorted(versions):
            terminalreporter.line(version)
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("not run")
        for reason, count in reasons.items():
            terminalreporter.line(f"{count} tests: {reason.removeprefix('Skipped: ')}")
