"""`quivive watch` follows a real api, also over its death."""

import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import WITHIN_S, Command, Server, running_server

from aggregator.migrate import migrate

CONFIGURATION = """
regions: [{id: eu-west}]
customers: [{id: martin, name: Martin, plan: premium}]
sites:
  - {id: one, customer: martin, url: "https://one.example/"}
  - {id: two, customer: martin, url: "https://two.example/"}
"""


@pytest.fixture
def server(database_url: str, nats_url: str, tmp_path: Path) -> Iterator[Server]:
    migrate(database_url)
    with running_server(database_url, nats_url, tmp_path) as server:
        yield server


@pytest.fixture
def quivive(server: Server, tmp_path: Path) -> Command:
    command = Command(server, tmp_path)
    (tmp_path / "quivive.yaml").write_text(CONFIGURATION)
    command("apply", "-f", str(tmp_path / "quivive.yaml"), "--yes")
    return command


class Lines:
    """What a process prints, line by line as JSON; waits for each."""

    def __init__(self, stdout: Any) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=[stdout], daemon=True).start()

    def _read(self, stdout: Any) -> None:
        for line in stdout:
            self._lines.put(line)

    def until(self, kind: str, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The first record of that kind with these fields, and what came before it."""
        before: list[dict[str, Any]] = []
        while True:
            record = json.loads(self._lines.get(timeout=WITHIN_S))
            if record["kind"] == kind and all(record.get(key) == value for key, value in fields.items()):
                return record, before
            before.append(record)


def test_a_watcher_sees_every_change_once_also_over_the_servers_death(quivive: Command, server: Server) -> None:
    with quivive.started("watch", "--output", "json") as watching:
        lines = Lines(watching.stdout)
        first, second = (lines.until("snapshot")[0] for _ in range(2))
        assert {first["of"]: first["size"], second["of"]: second["size"]} == {"sites": 2, "incidents": 0}
        quivive("site", "pause", "one")
        lines.until("declared", site="sites/one")
        server.kill()
        server.start()
        quivive("site", "pause", "two")
        _, before = lines.until("declared", site="sites/two")
        assert not [record for record in before if record["kind"] == "snapshot"], "it resumes, and does not begin anew"
        assert not [record for record in before if record["kind"] == "declared" and record["site"] == "sites/one"]


def test_lines_for_people_stop_at_the_limit(quivive: Command) -> None:
    said = quivive("watch", "--limit", "1").splitlines()
    assert len(said) == 1
    assert said[0].split()[:2] in (["2", "sites:"], ["0", "incidents:"])


def test_a_server_that_was_never_there_is_not_waited_for(quivive: Command) -> None:
    for command in (["watch"], ["result", "tail", "one"]):
        ran = quivive.run(*command, "--server", "http://127.0.0.1:1")
        assert (ran.code, ran.err.count("\n")) == (3, 1), ran.err
