"""`quivive channel` against the real api, with a sender beside it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, Server, running_server
from receivers import MailSink

from aggregator.migrate import migrate

CHANNELS = """
channels:
  - {id: mail, type: email, to: [oncall@agency.example], locale: fr}
  - {id: team, type: slack, token: QUIVIVE_SECRET_UNSET, channel: C024BE91L, audience: [incidents]}
"""
SENDING = Path(__file__).parent.parent / "sending.py"


@pytest.fixture
def server(database_url: str, nats_url: str, tmp_path: Path) -> Iterator[Server]:
    migrate(database_url)
    with running_server(database_url, nats_url, tmp_path) as server:
        yield server


@pytest.fixture
def mails() -> Iterator[MailSink]:
    sink = MailSink()
    yield sink
    sink.close()


@pytest.fixture
def sender(database_url: str, server: Server, mails: MailSink) -> Iterator[None]:
    environment = {"PATH": "/usr/bin:/bin", "QUIVIVE_DATABASE_URL": database_url, "QUIVIVE_SMTP_URL": mails.url}
    process = subprocess.Popen([sys.executable, SENDING], env=environment, stderr=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(20)


def test_channels_are_listed_and_tested(server: Server, sender: None, mails: MailSink, tmp_path: Path) -> None:
    quivive = Command(server, tmp_path)
    (tmp_path / "channels.yaml").write_text(CHANNELS)
    quivive("apply", "-f", str(tmp_path / "channels.yaml"), "--yes")
    assert "has taken the test" in quivive("channel", "test", "mail")
    assert [mail.subject for mail in mails.mails] == ["TEST : Quivive vous joint ici"]
    failed = quivive.run("channel", "test", "channels/team")
    assert failed.code == 1
    assert "the environment variable QUIVIVE_SECRET_UNSET is not set" in failed.err
    mail, team = quivive.json("channel", "list")
    assert (mail["name"], mail["target"], mail["last_test"]["delivered"]) == (
        "channels/mail",
        "oncall@agency.example",
        True,
    )
    assert (team["audience"], team["last_test"]["delivered"]) == (["incidents"], False)
    assert quivive.run("channel", "test", "nope").code == 4
