"""`quivive up` from its first start on an empty directory to its end, however that comes."""

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest
from farm import LocalSites
from receivers import MailSink
from running import COMMAND, Quivive, wait_for
from servers import NatsServer

from quivive.embedded.places import free_port


def one_site(url: str) -> str:
    return (
        "customers:\n  - {id: martin, name: Boulangerie Martin, plan: premium}\n"
        f"sites:\n  - {{id: martin-www, customer: martin, url: '{url}', interval: 2s, timeout: 1s}}\n"
    )


def stored_results(quivive: Quivive) -> int:
    with quivive.database() as connection:
        row = connection.execute("SELECT count(*) FROM quivive.results").fetchone()
        assert row is not None
        return int(row[0])


def test_it_keeps_data_and_ports_over_restarts_and_leaves_nothing_behind(quivive: Quivive, sites: LocalSites) -> None:
    quivive.start(configuration=one_site(sites.add("site").url))
    quivive.wait_for_first_result()
    assert [site["name"] for site in quivive.json("site", "list")] == ["sites/martin-www"]
    ports, first = (quivive.data_dir / "ports.json").read_text(), stored_results(quivive)
    assert first > 0
    assert quivive.stop(signal.SIGINT) == 0
    assert "stopped" in quivive.log_text()

    quivive.config.unlink()
    quivive.start()
    quivive.wait_for_first_result()
    assert (quivive.data_dir / "ports.json").read_text() == ports
    assert stored_results(quivive) > first
    assert quivive.stop(signal.SIGTERM) == 0


def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_one_goes_on(
    quivive: Quivive, sites: LocalSites
) -> None:
    quivive.start(configuration=one_site(sites.add("site").url))
    quivive.wait_for_first_result()
    before = stored_results(quivive)
    quivive.kill()
    # No pause: the next start has to cope with what is still ending.
    quivive.start()
    quivive.wait_for_first_result()
    assert stored_results(quivive) > before
    quivive.stop()


def test_whatever_dies_is_started_again_and_goes_on(quivive: Quivive, sites: LocalSites) -> None:
    quivive.start("--regions", "east,west", configuration=one_site(sites.add("site").url))
    quivive.wait_for_first_result()
    for name in ("broker", "database", "api", "aggregator", "agent-east"):
        quivive.kill_process(name)
        wait_for(lambda name=name: quivive.process(name), f"{name} again")  # type: ignore[misc]

    def is_stored_anew() -> bool:
        try:
            return stored_results(quivive) > before
        except psycopg.OperationalError:
            return False

    wait_for(lambda: quivive.cli("site", "list", check=False).returncode == 0, "the api")
    before = stored_results(quivive)
    wait_for(is_stored_anew, "another result")
    regions = {region["name"]: region["simulated"] for region in quivive.json("region", "list")}
    assert regions == {"regions/east": True, "regions/west": True}
    assert quivive.stop() == 0


def test_a_second_one_on_the_same_directory_is_refused_and_the_first_untouched(
    quivive: Quivive, sites: LocalSites
) -> None:
    quivive.start(configuration=one_site(sites.add("site").url))
    ports = ("--grpc-port", str(free_port()), "--http-port", str(free_port()))
    second = subprocess.run(
        [COMMAND, "up", "--data-dir", quivive.data_dir, *ports], capture_output=True, text=True, check=False
    )
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert "is in use by another quivive up" in line
    quivive.wait_for_first_result()
    assert quivive.stop() == 0


def test_what_only_the_server_can_refuse_is_shown_at_its_place_in_the_file(quivive: Quivive, sites: LocalSites) -> None:
    configuration = one_site(sites.add("site").url).replace("plan: premium", "plan: platinum")
    process = quivive.launch(configuration=configuration)
    wait_for(lambda: process.poll() is not None, "the end", 60)
    assert process.returncode == 2
    assert f"{quivive.config}:2: customers[0].plan" in quivive.log_text()
    quivive.assert_nothing_left()


def test_ctrl_c_while_it_starts_leaves_nothing_behind(quivive: Quivive) -> None:
    quivive.launch()
    wait_for(lambda: quivive.process("broker"), "the first process")
    assert quivive.stop(signal.SIGINT) == 0


def test_it_uses_the_broker_and_the_database_it_is_given(
    quivive: Quivive, sites: LocalSites, nats_server: NatsServer, storage_url: str
) -> None:
    quivive.start(
        "--nats-url", nats_server.url, "--database-url", storage_url, configuration=one_site(sites.add("site").url)
    )
    quivive.wait_for_first_result()
    assert quivive.process("broker") is None
    assert quivive.process("database") is None
    assert nats_server.url not in quivive.log_text(), "the password is not for the log"
    assert quivive.stop() == 0
    with psycopg.connect(storage_url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM quivive.results").fetchone() == (True,)


@pytest.mark.parametrize(
    ("flag", "url", "reason"),
    [
        ("--database-url", "postgresql://quivive:wrong@127.0.0.1:1/quivive", "refused"),
        ("--nats-url", "nats://127.0.0.1:1", "Connect call failed"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(quivive: Quivive, flag: str, url: str, reason: str) -> None:
    process = quivive.launch(flag, url)
    wait_for(lambda: process.poll() is not None, "the end", 60)
    assert process.returncode == 2
    last = quivive.log_text().splitlines()[-1]
    assert last.startswith(f"quivive up: {flag}: ")
    assert reason in last
    quivive.assert_nothing_left()


def test_the_demo_shows_an_outage_come_and_go_within_a_minute(tmp_path: Path) -> None:
    quivive = Quivive(tmp_path)
    quivive.start("--demo")
    try:
        quivive.wait_for_first_result()
        mails = quivive.data_dir / "mail"

        def subjects(word: str) -> list[Path]:
            return [path for path in mails.iterdir() if f"Subject: {word}: boulangerie" in path.read_text("utf-8")]

        wait_for(lambda: subjects("DOWN"), "the mail about the outage", 60)
        (incident,) = [i for i in quivive.json("incident", "list") if i["site"] == "sites/boulangerie-martin"]
        assert incident["simulated"] is True
        wait_for(lambda: subjects("UP"), "the mail about its end", 60)
        assert len(subjects("DOWN")) == len(subjects("UP")) == 1
    finally:
        assert quivive.stop() == 0


def test_only_what_a_service_needs_is_in_its_environment(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink
) -> None:
    """An agent knows no database, and nothing shows a password on a command line."""
    quivive.start(configuration=one_site(sites.add("site").url))
    agent = wait_for(lambda: quivive.process("agent-local"), "the agent")
    assert "QUIVIVE_DATABASE_URL" not in agent.environ()
    secrets = json.loads((quivive.data_dir / "secrets.json").read_text("utf-8"))
    assert quivive._process is not None
    children = psutil.Process(quivive._process.pid).children(recursive=True)
    words = " ".join(word for child in children for word in child.cmdline())
    assert not any(secret in words for secret in secrets.values())
    assert os.stat(quivive.data_dir / "secrets.json").st_mode & 0o077 == 0
    assert quivive.stop() == 0
