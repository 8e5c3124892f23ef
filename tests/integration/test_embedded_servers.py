"""The embedded broker and database: what they keep over restarts and crashes, and whom they let in."""

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import nats
import psutil
import psycopg
import pytest
from nats.errors import Error as NatsError
from servers import NatsServer, PostgresServer

from quivive.embedded import database
from quivive.embedded.places import Places


def test_the_database_starts_again_after_a_crash_with_a_transaction_open(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    port = postgres_server.url.rpartition(":")[2]
    with closing(psycopg.connect(postgres_server.url)) as open_one:
        open_one.execute("INSERT INTO kept VALUES (2)")
        postgres_server.kill()
        postgres_server.start()
    assert postgres_server.url.rpartition(":")[2] == port
    with psycopg.connect(postgres_server.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_the_database_wants_its_password(postgres_server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres_server.url.replace("quivive:", "quivive:x", 1))


def test_the_databases_settings_can_be_added_to(postgres_server: PostgresServer) -> None:
    postgres_server.stop()
    (postgres_server.root / "postgres" / "local.conf").write_text("work_mem = '5MB'\n")
    postgres_server.start()
    with psycopg.connect(postgres_server.url) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_the_database_is_not_root(postgres_server: PostgresServer) -> None:
    capabilities = Path(f"/proc/{postgres_server.pid}/status").read_text("ascii")
    assert "CapEff:\t0000000000000000" in capabilities


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(database.Refused, match="written by PostgreSQL 15, this is 18"):
        database.server(Places(tmp_path)).make()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    tmp_path.chmod(0o711)
    database.server(Places(tmp_path)).make()
    assert (tmp_path / "postgres" / "PG_VERSION").exists()
    assert not (tmp_path / "postgres.new").exists()


WITHOUT_NAMESPACES = """
import ctypes, os, sys
told, tell = os.pipe()
mapped, map_ = os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(tell, b"x")
    os.read(mapped, 1)
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
os.read(told, 1)
for kind in ("uid_map", "gid_map"):
    with open(f"/proc/{child}/{kind}", "w") as file:
        file.write(f"0 0 {sys.argv[1]}")
os.write(map_, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Runs Python as root of a namespace with so many users, in which no further namespace may be made: as in many containers."""

START_AND_STOP = """
import sys
from pathlib import Path
from servers import PostgresServer
server = PostgresServer(Path(sys.argv[1])).start()
print(*server.server.program.identity)
server.kill()
server.start().stop()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")
@pytest.mark.parametrize(("users", "expected"), [("65536", "--user"), ("1", "PostgreSQL refuses to run as root")])
def test_root_becomes_another_user_where_namespaces_are_forbidden(users: str, expected: str) -> None:
    place = tempfile.mkdtemp()
    try:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_NAMESPACES, users, "-c", START_AND_STOP, place],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(place)
    assert expected in done.stdout + done.stderr


async def test_the_broker_keeps_what_it_acknowledged_when_it_is_killed(nats_server: NatsServer) -> None:
    connection = await nats.connect(nats_server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
    stream = connection.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    for number in range(50):
        await stream.publish("kept", str(number).encode())
    nats_server.kill()
    await asyncio.to_thread(nats_server.start)
    await connection.close()
    connection = await nats.connect(nats_server.url)
    assert (await connection.jetstream().stream_info("KEPT")).state.messages == 50
    await connection.close()


async def test_the_broker_wants_its_password(nats_server: NatsServer) -> None:
    async def ignore(error: Exception) -> None:
        pass

    with pytest.raises(NatsError):
        await nats.connect(nats_server.url.replace("quivive:", "quivive:x", 1), allow_reconnect=False, error_cb=ignore)


def test_servers_listen_on_this_machine_only(nats_server: NatsServer, postgres_server: PostgresServer) -> None:
    for pid in (nats_server.pid, postgres_server.pid):
        listening = [c for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert [connection.laddr.ip for connection in listening] == ["127.0.0.1"]


def test_passwords_are_the_owners_alone(nats_server: NatsServer) -> None:
    for name in ("secrets.json", "nats.conf"):
        assert stat.S_IMODE((nats_server.root / name).stat().st_mode) == 0o600


def test_a_port_is_kept_until_somebody_else_has_it(tmp_path: Path) -> None:
    port = Places(tmp_path).port("nats")
    assert Places(tmp_path).port("nats") == port
    assert json.loads((tmp_path / "ports.json").read_text()) == {"nats": port}
    with socket.create_server(("127.0.0.1", port)):
        assert Places(tmp_path).port("nats") != port


def test_a_port_stays_the_same_once_its_program_has_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with socket.create_server(("127.0.0.1", places.port("nats"))) as taken:
        assert places.port("nats") == taken.getsockname()[1]
