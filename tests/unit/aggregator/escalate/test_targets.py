"""Whom a step reaches, on what, when, and what there is to say about whom it does not."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from aggregator.escalate.policies import Person, Roster, Whom
from aggregator.escalate.targets import last_resort, reach
from quivive.business_hours import parse_business_hours
from quivive.domain.times import to_us
from quivive.oncall.schedules import Layer, Override, Schedule

PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def person(name: str, *, quiet: str | None = None, operator: bool = True, **addresses: str) -> Person:
    reachable = {"email": f"{name}@agency.example", **addresses}
    hours = None if quiet is None else parse_business_hours(quiet)
    return Person(name, name.title(), "fr", reachable, PARIS, hours, operator)


OFFICE = Schedule(
    "office",
    PARIS,
    (
        Layer(
            ("alice", "bob"), timedelta(days=1), date(2026, 3, 2), time(9), parse_business_hours("MON-FRI 09:00-18:00")
        ),
    ),
    (Override("carol", at("2026-03-03T09:00+01:00"), at("2026-03-03T12:00+01:00")),),
)
ROSTER = Roster(
    people={
        p.person: p
        for p in (
            person("alice", slack="U1"),
            person("bob", quiet="MON-SUN 00:00-07:00"),
            person("carol", apprise="+33612345678"),
            person("dora", operator=False),
        )
    },
    schedules={"office": OFFICE},
    channels={"chat": "slack", "hook": "webhook", "mail": "email", "other-mail": "email", "sms": "apprise"},
    for_incidents=("chat", "hook", "mail", "other-mail"),
)
MONDAY = at("2026-03-02T10:00+01:00")


def reached(whom: Whom, now_us: int = MONDAY, severity: str = "critical") -> tuple[list[str], tuple[str, ...]]:
    found = reach(whom, ROSTER, severity, now_us)
    return [f"{t.channel}:{t.recipient}:{t.contact or ''}" for t in found.targets], found.notes


@pytest.mark.parametrize(
    ("whom", "targets", "notes"),
    [
        (Whom(channel="hook"), ["hook::"], ()),
        (Whom(channel="gone"), [], ("there is no channel gone",)),
        (Whom(person="alice"), ["chat:people/alice:U1", "mail:people/alice:alice@agency.example"], ()),
        (Whom(person="alice", channels=("other-mail",)), ["other-mail:people/alice:alice@agency.example"], ()),
        (Whom(person="bob", channels=("chat",)), ["chat:people/bob:"], ()),
        (Whom(person="carol", channels=("sms",)), ["sms:people/carol:+33612345678"], ()),
        (Whom(person="zoe"), [], ("there is no person zoe",)),
        (Whom(schedule="night"), [], ("there is no schedule night",)),
        (
            Whom(schedule="office", channel="hook", channels=("mail",)),
            ["hook::", "mail:people/alice:alice@agency.example"],
            (),
        ),
        (
            Whom(everybody=True, channels=("mail",)),
            [f"mail:people/{name}:{name}@agency.example" for name in ("alice", "bob", "carol")],
            (),
        ),
    ],
)
def test_a_step_reaches_whom_it_names_once_a_channel(whom: Whom, targets: list[str], notes: tuple[str, ...]) -> None:
    assert reached(whom) == (targets, notes)


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-03-02T10:00+01:00", "alice"),
        ("2026-03-03T10:00+01:00", "carol"),
        ("2026-03-03T12:00+01:00", "bob"),
        ("2026-03-30T10:00+02:00", "alice"),
    ],
)
def test_a_schedule_is_read_when_the_step_is_taken(moment: str, who: str) -> None:
    targets, _ = reached(Whom(schedule="office", channels=("mail",)), at(moment))
    assert targets == [f"mail:people/{who}:{who}@agency.example"]


def test_a_gap_is_said() -> None:
    assert reached(Whom(schedule="office"), at("2026-03-02T20:00+01:00")) == ([], ("nobody is on call in office",))


@pytest.mark.parametrize(("severity", "waits"), [("critical", False), ("major", True), ("minor", True)])
def test_quiet_hours_hold_what_is_not_critical(severity: str, waits: bool) -> None:
    night = at("2026-03-03T03:00+01:00")
    (target,) = reach(Whom(person="bob", channels=("mail",)), ROSTER, severity, night).targets
    assert target.not_before_us == (at("2026-03-03T07:00+01:00") if waits else None)


def test_when_nobody_is_left_every_channel_for_incidents_is() -> None:
    assert [target.channel for target in last_resort(ROSTER).targets] == ["chat", "hook", "mail", "other-mail"]
