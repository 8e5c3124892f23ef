"""The broker is away for long and an agent is killed in the middle: nothing that was seen is lost, nobody is paged for the past.

Small by default. At its real size, ten minutes and a thousand checks at 30 s: `make test-broker-away`.
"""

import os
import time
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from farm import Crowd, LocalSites
from receivers import MailSink, WebhookReceiver
from running import Quivive, wait_for

from quivive.domain.words import Outcome, State

AWAY = timedelta(seconds=float(os.environ.get("QUIVIVE_TEST_AWAY_S", "45")))
"""Longer than results are live and votes are fresh: what was seen meanwhile is replayed from the spool as late evidence."""
CHECKS = int(os.environ.get("QUIVIVE_TEST_AWAY_CHECKS", "6"))
INTERVAL_S, TIMEOUT_S = (30, 10) if CHECKS > 100 else (2, 1)
REGIONS = ("ap-south", "eu-west", "us-east")
KILLED = "eu-west"
LONELY = "lonely"
"""Is looked at from the killed agent's region alone."""
SLACK_S = 5.0
"""Between a request and the end of its attempt, over the timeout, on a busy machine."""
CLOCK_S = 0.5
"""Ends are told by the bus's clock, which the agents know this well at worst."""
UNDER_WAY_S = 2.0
"""An attempt that was so young when its agent was killed may be lost with it."""


def configuration_of(names: list[str], crowd: Crowd, hook: str) -> str:
    lines = [
        "customers:",
        "  - {id: martin, name: Boulangerie Martin, plan: premium}",
        "channels:",
        "  - {id: on-call, type: email, to: [on-call@agency.example], audience: [incidents]}",
        f"  - {{id: hook, type: webhook, url: '{hook}', secret: HOOK_SECRET, audience: [incidents]}}",
        "sites:",
    ]
    for name in names:
        regions = f"[{KILLED}]" if name == LONELY else f"[{', '.join(REGIONS)}]"
        lines.append(
            f"  - {{id: {name}, customer: martin, url: '{crowd.url(name)}', interval: {INTERVAL_S}s, timeout: {TIMEOUT_S}s, "
            f"regions: {regions}}}"
        )
    return "\n".join(lines) + "\n"


def rows(quivive: Quivive, query: str) -> list[tuple[Any, ...]]:
    with quivive.database() as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def states(quivive: Quivive) -> set[int]:
    """What the sites are now."""
    return {
        state for (state,) in rows(quivive, "SELECT DISTINCT state FROM quivive.state_intervals WHERE end_time IS NULL")
    }


@pytest.mark.timeout(AWAY.total_seconds() + 600)
def test_an_agent_killed_while_the_broker_is_away_loses_nothing_it_saw_and_pages_nobody_for_the_past(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink, webhook: WebhookReceiver
) -> None:
    crowd = Crowd(sites)
    names = [f"site-{number}" for number in range(CHECKS - 1)] + [LONELY]
    quivive.environment["HOOK_SECRET"] = "a webhook's key"
    quivive.start("--regions", ",".join(REGIONS), configuration=configuration_of(names, crowd, webhook.url))
    wait_for(lambda: states(quivive) == {State.UP}, "every site up", 60 + 3 * INTERVAL_S)

    broker = wait_for(lambda: quivive.process("broker"), "the broker")
    broker.suspend()
    away = datetime.now(UTC)
    try:
        wait_for(lambda: datetime.now(UTC) > away + AWAY / 4, "a while", AWAY.total_seconds())
        crowd.broken = frozenset({"site-0", "site-1"})
        wait_for(lambda: datetime.now(UTC) > away + AWAY / 2, "a while", AWAY.total_seconds())
        quivive.kill_process(f"agent-{KILLED}")
        killed = time.time()
        crowd.broken = frozenset()
        wait_for(lambda: datetime.now(UTC) > away + AWAY, "a while", AWAY.total_seconds())
    finally:
        broker.resume()
    back = datetime.now(UTC)

    wait_for(lambda: _is_heard(quivive, back), "every region again", 60 + 3 * INTERVAL_S)
    known = wait_for(lambda: _Known.of_all(quivive, crowd, killed), "every attempt stored", 120)
    wait_for(lambda: states(quivive) == {State.UP}, "every site up again", 60 + 3 * INTERVAL_S)
    known.tell(away, back)

    # No slot of an agent that lived is without a word: it was looked at, or is MISSED.
    holes = _holes(quivive)
    assert {region for region, _, _ in holes} <= {KILLED}
    # Nobody looked from the killed one's region until the broker's return: nothing is claimed about that time.
    for _, before, after in holes:
        assert after.timestamp() > killed - INTERVAL_S - SLACK_S
        assert before < back
    # Where nobody else looked, it is unknown, and only that; before, what was seen is known again once all of it has come.
    unknown = wait_for(lambda: _filled(quivive, away, killed), "the past filled", 60)
    assert unknown[1] >= back
    # What failed meanwhile is on record; nobody was woken for it.
    wait_for(
        lambda: (
            rows(quivive, "SELECT DISTINCT site_id, retroactive, page_time FROM quivive.incidents ORDER BY 1")
            == [("site-0", True, None), ("site-1", True, None)]
        ),
        "the failures of that time on record",
        60,
    )
    assert webhook.posts == []
    assert [mail for mail in mail_sink.mails if "on-call@agency.example" in mail.recipients] == []


def _filled(quivive: Quivive, away: datetime, killed: float) -> tuple[datetime, datetime] | None:
    """The span in which nothing is known of the lonely site; None while it begins before its agent was killed."""
    spans = rows(
        quivive,
        "SELECT state, start_time, end_time FROM quivive.state_intervals JOIN quivive.checks USING (check_id) "
        f"WHERE site_id = '{LONELY}' ORDER BY start_time",
    )
    assert {state for state, _, _ in spans} <= {State.UP, State.UNKNOWN}
    unknown = [(start, end) for state, start, end in spans if state == State.UNKNOWN and end is not None and end > away]
    return unknown[0] if len(unknown) == 1 and unknown[0][0].timestamp() > killed - SLACK_S else None


def _is_heard(quivive: Quivive, after: datetime) -> bool:
    """Every region's results of after that moment are stored."""
    found = rows(quivive, "SELECT region, max(end_time) FROM quivive.results WHERE attempt >= 0 GROUP BY 1")
    return len(found) == len(REGIONS) and all(newest > after for _, newest in found)


class _Known:
    """How the requests that the sites had agree with the results that are stored."""

    def __init__(self) -> None:
        self.requests = self.results = self.lost_under_way = self.recent = self.missing = 0
        self.placeholders: dict[str, int] = defaultdict(int)

    @classmethod
    def of_all(cls, quivive: Quivive, crowd: Crowd, killed: float) -> "_Known | None":
        """None while a request of some time ago has no result. A result that claims an answer always has its request."""
        known, until = cls(), time.time() - TIMEOUT_S - SLACK_S
        for outcome, count in rows(
            quivive, "SELECT outcome, count(*) FROM quivive.results WHERE attempt < 0 GROUP BY 1"
        ):
            known.placeholders[Outcome(outcome).name] = count
        answered: dict[tuple[str, str], list[float]] = defaultdict(list)
        unanswered: dict[tuple[str, str], list[float]] = defaultdict(list)
        for site, region, end, status in rows(
            quivive,
            "SELECT site_id, regions.name, extract(epoch FROM end_time)::float8, http_status FROM quivive.results "
            "JOIN quivive.checks USING (check_id) JOIN quivive.regions ON region_id = results.region "
            "WHERE attempt >= 0 ORDER BY end_time",
        ):
            (answered if status else unanswered)[site, region].append(end)
        assert answered.keys() <= crowd.requests.keys()
        for key, requests in crowd.requests.items():
            left, strangers = pair(list(requests), answered[key])
            assert strangers == [], f"{key}: results without a request"
            left, _ = pair(left, unanswered[key])
            lost = [request for request in left if key[1] == KILLED and 0 <= killed - request < UNDER_WAY_S]
            known.requests += len(requests)
            known.results += len(answered[key]) + len(unanswered[key])
            known.lost_under_way += len(lost)
            known.recent += sum(1 for request in left if request >= until)
            known.missing += sum(1 for request in left if request < until) - len(lost)
        return known if known.missing <= 0 else None

    def tell(self, away: datetime, back: datetime) -> None:
        print(
            f"{CHECKS} checks every {INTERVAL_S} s from {len(REGIONS)} regions, the broker away for {back - away}: "
            f"{self.requests} requests, {self.results} results of attempts, {self.lost_under_way} lost under way at the kill, "
            f"{self.recent} of the last seconds not stored yet, placeholders {dict(self.placeholders)}"
        )


def pair(requests: list[float], ends: list[float]) -> tuple[list[float], list[float]]:
    """Requests without a result and results without a request, where as many as possible have found each other; both in order."""
    left, strangers, waiting = [], [], deque(requests)
    for end in ends:
        while waiting and waiting[0] < end - TIMEOUT_S - SLACK_S:
            left.append(waiting.popleft())
        if waiting and waiting[0] <= end + CLOCK_S:
            waiting.popleft()
        else:
            strangers.append(end)
    return [*left, *waiting], strangers


def _holes(quivive: Quivive) -> list[tuple[str, datetime, datetime]]:
    """Neighbouring slots of a check and region that do not follow each other; each slot is there once."""
    assert (
        rows(
            quivive,
            "SELECT 1 FROM quivive.results WHERE attempt <= 0 GROUP BY check_id, region, slot HAVING count(*) > 1",
        )
        == []
    )
    return [
        (region, before, after)
        for region, before, after in rows(
            quivive,
            "SELECT regions.name, slot, next FROM (SELECT region, slot, "
            "lead(slot) OVER (PARTITION BY check_id, region ORDER BY slot) AS next "
            "FROM quivive.results WHERE attempt <= 0) AS pairs JOIN quivive.regions ON region_id = pairs.region "
            f"WHERE next - slot <> '{INTERVAL_S} s'",
        )
    ]
