"""Why somebody was paged or not, in one sentence, from facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.explain.facts import (
    AttemptFact,
    CheckFact,
    DecisionFact,
    Facts,
    IncidentFact,
    IntervalFact,
    PageFact,
    RegionFact,
)
from api.explain.reasons import explain
from quivive.domain.words import Cause, Outcome, State

AT = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
S = timedelta(seconds=1)
CHECK = CheckFact(
    check_id=7,
    site_id="martin-www",
    name="http",
    critical=True,
    create_time=AT - timedelta(days=30),
    delete_time=None,
    regions=["a", "b", "c"],
    interval_us=30_000_000,
    timeout_us=10_000_000,
    page_after_us=180_000_000,
    channels=["email"],
    timezone="Europe/Paris",
)
INCIDENT = IncidentFact("i1", AT - 5 * S, AT, None, None, False, "2 of 3", None, None)
PAGE = PageFact("mail", AT + 180 * S, None, None, None, None)


def facts(state: State = State.UP, **more: object) -> Facts:
    interval = IntervalFact(state, AT - timedelta(hours=1), None, "a found it down twice")
    empty: dict[str, object] = {"decisions": (), "attempts": (), "blind": (), "incident": None, "pages": ()}
    return Facts(check=CHECK, time=AT, interval=interval, maintenance_end=None, **{**empty, **more})  # type: ignore[arg-type]


def failed(region: str) -> AttemptFact:
    return AttemptFact(AT, region, 0, Outcome.DOWN, Cause.TCP_REFUSED, "connection refused")


RETRACTED = DecisionFact(AT, "suspicion.retracted", AT - 3 * S, None, None, "b, c found it up", 2, ())


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (facts(), "was UP"),
        (facts(attempts=(failed("a"),)), "1 attempt failed in a"),
        (facts(decisions=(RETRACTED,)), "called off: b, c found it up"),
        (facts(State.UNKNOWN, blind=(RegionFact("b", AT - S, "blind", "no agent"),)), "blind then: b"),
        (facts(State.PARTIAL_OUTAGE), "a found it down twice, and 2 regions are needed"),
        (facts(State.PAUSED), "paused"),
        (facts(State.DOWN, incident=INCIDENT, pages=(PAGE,)), "the plan pages after 0:03:00"),
        (
            facts(State.DOWN, incident=INCIDENT, pages=(replace(PAGE, cancel_reason="resolved before it was due"),)),
            "was called off: resolved before it was due",
        ),
        (facts(State.DOWN, incident=INCIDENT, pages=(replace(PAGE, last_error="it is away"),)), "it is away"),
        (facts(State.DOWN, incident=INCIDENT), "no channel for incidents of a type that the plan has (email)"),
        (facts(State.DOWN, incident=replace(INCIDENT, retroactive=True)), "evidence that came late"),
    ],
)
def test_the_absence_of_a_page_is_explained(known: Facts, words: str) -> None:
    reasons = explain(known)
    assert not reasons.paged
    assert reasons.summary.startswith("Not paged: ")
    assert words in reasons.summary


def test_a_check_that_is_not_critical_pages_nobody() -> None:
    known = replace(facts(State.DOWN, incident=INCIDENT), check=replace(CHECK, critical=False))
    assert "not critical" in explain(known).summary


def test_a_time_before_the_check_is_no_mystery() -> None:
    assert "not watched before" in explain(replace(facts(), time=CHECK.create_time - S)).summary


def test_a_page_names_its_channel_and_the_incident_that_it_was_told_with() -> None:
    page = replace(PAGE, sent_time=AT + S, told_with="i0")
    reasons = explain(facts(State.DOWN, incident=INCIDENT, pages=(page,)))
    assert reasons.paged
    assert reasons.summary.startswith("Paged at 2026-03-01 03:12:01 UTC through mail with incident i0")


def test_steps_come_in_the_order_of_time_and_votes_are_those_that_held_then() -> None:
    later = replace(RETRACTED, time=AT + S)
    reasons = explain(facts(decisions=(RETRACTED, later), attempts=(failed("a"),)))
    assert [step.time for step in reasons.steps] == sorted(step.time for step in reasons.steps)
    assert reasons.counted is RETRACTED
