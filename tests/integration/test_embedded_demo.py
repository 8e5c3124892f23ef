"""The demo's sites really fail the way they say, and come back; its mail sink keeps what it is sent."""

import smtplib
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from farm import LocalSites
from running import wait_for

from quivive.embedded.demo.sites import SITES
from quivive.embedded.demo.troubles import Schedule, Trouble
from quivive.embedded.places import answers, free_port


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[LocalSites]:
    farm = LocalSites(tmp_path)
    yield farm
    farm.close()


def visit(url: str, trusted: Path) -> int:
    try:
        context = ssl.create_default_context(cafile=str(trusted))
        with urllib.request.urlopen(url, timeout=0.5, context=context) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("https", [False, True])
@pytest.mark.parametrize(("trouble", "status"), [(Trouble.UNAVAILABLE, 503), (Trouble.DATABASE, 500)])
def test_a_site_answers_with_an_error_and_heals(sites: LocalSites, trouble: Trouble, status: int, https: bool) -> None:
    site = sites.add("one", https=https)
    assert visit(site.url, sites.trusted) == 200
    site.become(trouble)
    assert visit(site.url, sites.trusted) == status
    site.heal()
    assert visit(site.url, sites.trusted) == 200


@pytest.mark.parametrize("https", [False, True])
def test_a_site_refuses_connections_and_heals(sites: LocalSites, https: bool) -> None:
    site = sites.add("one", https=https)
    site.become(Trouble.REFUSED)
    with pytest.raises(urllib.error.URLError, match="refused"):
        visit(site.url, sites.trusted)
    site.heal()
    assert visit(site.url, sites.trusted) == 200


def test_a_site_hangs_and_heals(sites: LocalSites) -> None:
    site = sites.add("one")
    site.become(Trouble.HANGING)
    with pytest.raises(TimeoutError):
        visit(site.url, sites.trusted)
    site.heal()
    assert visit(site.url, sites.trusted) == 200


def test_a_certificate_expires_and_is_renewed(sites: LocalSites) -> None:
    site, other = sites.add("one", https=True), sites.add("other", https=True)
    site.become(Trouble.EXPIRED)
    with pytest.raises(urllib.error.URLError, match="certificate has expired"):
        visit(site.url, sites.trusted)
    assert visit(other.url, sites.trusted) == 200
    site.heal()
    assert visit(site.url, sites.trusted) == 200


def test_a_schedule_comes_round_again() -> None:
    schedule = Schedule(Trouble.UNAVAILABLE, start=15, end=35, cycle=240)
    at = {seconds: schedule.at(seconds) for seconds in (0, 14.9, 15, 34.9, 35, 254.9, 255)}
    assert [seconds for seconds, trouble in at.items() if trouble] == [15, 34.9, 255]


def test_a_newcomer_sees_a_first_outage_end_within_a_minute() -> None:
    first = min(site.schedule.end for site in SITES if site.schedule)
    assert first <= 40


def test_the_mail_sink_keeps_each_mail_as_a_file(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "mail"
    sink = subprocess.Popen(
        [sys.executable, "-m", "quivive.embedded.demo.mail", str(port), str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: answers("127.0.0.1", port), "the sink")
        message = EmailMessage()
        message["Subject"] = "Boulangerie: rétablie"
        message["From"] = message["To"] = "on-call@demo.example"
        message.set_content("Bonjour\n")
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            smtp.send_message(message)
        assert sink.stdout is not None
        assert "to on-call@demo.example: Boulangerie: rétablie" in sink.stdout.readline()
        (kept,) = folder.iterdir()
        assert b"Bonjour" in kept.read_bytes()
    finally:
        sink.terminate()
        assert sink.wait(10) == 0


def test_a_broken_site_keeps_its_port(sites: LocalSites) -> None:
    site = sites.add("one")
    site.become(Trouble.REFUSED)
    port = int(site.url.rsplit(":", 1)[1].rstrip("/"))
    with pytest.raises(OSError, match="in use"), socket.create_server(("127.0.0.1", port), reuse_port=False):
        pass
