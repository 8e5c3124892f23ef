"""A transaction pooler in front of the database is refused in words that say what to do instead: our sessions have state."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo
from publishing import AggregatorProcess, eventually

from aggregator.database import Pooled
from aggregator.migrate import migrate
from quivive.embedded.places import free_port


@pytest.fixture(params=["", "ignore_startup_parameters = options,extra_float_digits"], ids=["as it comes", "lenient"])
def pooled_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """Through PgBouncer in transaction mode: as Debian sets it up, and so that it takes what clients ask for."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer: apt-get install pgbouncer")
    parts, port = conninfo.conninfo_to_dict(database_url), free_port()
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={parts['port']} user={parts['user']} password={parts['password']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\n{request.param}\n",
        "utf-8",
    )
    with (tmp_path / "pgbouncer.log").open("wb") as log:
        pooler = subprocess.Popen([program, "-u", "nobody", str(settings)], stdout=log, stderr=log)
    yield f"postgresql://{parts['user']}:any@127.0.0.1:{port}/{parts['dbname']}"
    pooler.terminate()
    pooler.wait(10)


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


async def test_a_transaction_pooler_is_refused_with_what_to_do(
    pooled_url: str, database_url: str, nats_url: str, tmp_path: Path
) -> None:
    await eventually(lambda: answers(pooled_url), "the pooler")
    with pytest.raises(Pooled, match="the server's own address"):
        migrate(pooled_url)
    migrate(database_url)
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", pooled_url, nats_url).start()
    try:
        assert await eventually(lambda: aggregator.exit_code, "the end") == 2
        assert aggregator.says("the server's own address")
    finally:
        aggregator.kill()
