"""A database across a network: sslmode=verify-full holds for the migration, the aggregator and the api."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trustme
from declaring import declare, rows
from psycopg import conninfo
from publishing import AggregatorProcess, Attempt, Publisher, eventually
from servers import RunningServer, TimescaleServer, Unavailable

from aggregator.migrate import migrate
from api.database import Database


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[RunningServer]:
    """Takes connections over TLS only; its certificate is for localhost, by the authority in `authority.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    try:
        # The embedded PostgreSQL is built without TLS: it listens on the loopback interface only.
        server = TimescaleServer(ssl="on", ssl_cert_file="server.crt", ssl_key_file="server.key")
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    certificate = authority.issue_cert("localhost")
    written = {
        "server.key": certificate.private_key_pem.bytes(),
        "server.crt": b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
        "pg_hba.conf": b"hostssl all all all scram-sha-256\n",
    }
    data = server.home / "data"
    owner = data.stat()
    for name, content in written.items():
        (data / name).write_bytes(content)
        (data / name).chmod(0o600)
        os.chown(data / name, owner.st_uid, owner.st_gid)
    server.start()
    yield server
    server.remove()


def verified(server: RunningServer, authority: Path, host: str = "localhost") -> str:
    parts = conninfo.conninfo_to_dict(server.url)
    return (
        f"postgresql://{parts['user']}:{parts['password']}@{host}:{parts['port']}/{parts['dbname']}"
        f"?sslmode=verify-full&sslrootcert={authority}"
    )


async def test_every_service_verifies_the_server_in_full(
    tls_server: RunningServer, nats_url: str, tmp_path: Path
) -> None:
    url = verified(tls_server, tmp_path / "authority.pem")
    migrate(url)
    declare(url)
    publisher = await Publisher.connect(nats_url)
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", url, nats_url).start()
    database = Database(url)
    try:
        await database.open()
        assert await database.not_ready() is None
        await publisher.results("eu-west", Attempt(101))
        await eventually(lambda: rows(url, "SELECT count(*) FROM quivive.results") == [(1,)], "the result")
        assert rows(
            url,
            "SELECT DISTINCT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid)"
            " WHERE a.client_addr IS NOT NULL",
        ) == [(True,)]
    finally:
        await database.close()
        aggregator.kill()
        await publisher.close()


@pytest.mark.parametrize(
    ("authority", "host", "words"),
    [
        ("other.pem", "localhost", "certificate verify failed"),
        ("authority.pem", "127.0.0.1", "does not match host name"),
    ],
)
def test_another_authority_and_another_name_are_refused(
    tls_server: RunningServer, tmp_path: Path, authority: str, host: str, words: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=words):
        migrate(verified(tls_server, tmp_path / authority, host))
