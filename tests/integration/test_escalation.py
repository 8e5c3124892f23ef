"""Escalations on a real database, with the clock in hand: who is told what when, until somebody answers."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from declaring import rows
from escalating import MINUTE, PEOPLE, POLICY, SCHEDULE, confirmed, declare_paging, record, resolved

from aggregator import database
from aggregator.notify.escalation import Escalation
from aggregator.notify.outbox import Outbox
from quivive.domain.times import to_datetime, to_us

START = to_us(datetime.fromisoformat("2026-03-29T01:30:00+01:00"))
"""Half an hour before the clocks change; alice is on call on even days of the rotation, bob from nine o'clock."""

SENT = "UPDATE quivive.outbox SET sent_time = to_timestamp(%s) WHERE sent_time IS NULL AND due_time <= to_timestamp(%s)"


class Desk:
    """A notifier without memory: each round is another object's, as after a restart."""

    def __init__(self, url: str, pool: Any) -> None:
        self.url = url
        self._pool = pool

    async def at(self, at_us: int, *, send: bool = True) -> list[str]:
        """Who is newly told in the rounds up to then, half a second apart around whatever is due."""
        before = self.told()
        await Escalation(self._pool).go_on(at_us)
        if send:  # as the sender would, and at that time
            rows(self.url, SENT, at_us / 1e6, at_us / 1e6)
            rows(
                self.url,
                "UPDATE quivive.incidents AS i SET page_time = to_timestamp(%s) WHERE page_time IS NULL AND EXISTS"
                " (SELECT FROM quivive.outbox AS o WHERE o.incident_id = i.incident_id AND o.is_page AND sent_time IS NOT NULL)",
                at_us / 1e6,
            )
        return [name for name in self.told() if name not in before]

    def told(self) -> list[str]:
        found = rows(
            self.url,
            "SELECT kind, recipient, step FROM quivive.outbox WHERE is_page AND cancel_reason IS NULL ORDER BY outbox_id",
        )
        return [f"{kind.removeprefix('incident.')} {who.removeprefix('people/')} {step}" for kind, who, step in found]

    def steps(self, column: str = "outcome") -> list[Any]:
        return [value for (value,) in rows(self.url, f"SELECT {column} FROM quivive.escalation_steps ORDER BY number")]

    def acknowledge(self, incident: str, at_us: int, person: str = "Alice Martin") -> None:
        rows(
            self.url,
            "UPDATE quivive.incidents SET acknowledge_time = to_timestamp(%s), acknowledge_person = %s WHERE incident_id = %s",
            *(at_us / 1e6, person, incident),
        )


@pytest.fixture
async def desk(migrated_url: str) -> AsyncIterator[Desk]:
    declare_paging(migrated_url)
    async with database.pool(migrated_url) as pool:
        yield Desk(migrated_url, pool)


async def test_nobody_answers_and_each_step_is_taken_at_its_time_across_restarts_and_a_change_of_the_clocks(
    desk: Desk,
) -> None:
    """Seventy minutes in the night of the change; every round by a notifier that knows nothing."""
    await record(desk.url, confirmed(START))
    expected = {
        0: ["confirmed bob 1"],  # the rotation's 28th turn is bob's
        10: ["escalated bob 2"],
        15: ["escalated alice 3", "escalated bob 3"],
        35: ["escalated bob 4"],
        45: ["escalated bob 5"],
        50: ["escalated alice 6", "escalated bob 6"],
        70: ["escalated boss 7"],
    }
    reminder = 22.5
    for minute in range(75):
        for second in (0, 30):
            at_us = START + (minute * 60 + second) * 1_000_000
            assert await desk.at(at_us - 1_000) == [], "a millisecond too early"
            news = expected.get(minute, []) if second == 0 else []
            if minute + second / 60 == reminder:
                news = ["target_near boss 1000"]
            assert await desk.at(at_us) == news, f"minute {minute}:{second}"
    assert [reason for reason in desk.steps("cancel_reason") if reason] == []


async def test_who_is_on_call_is_asked_when_the_step_is_taken_not_when_it_was_planned(desk: Desk) -> None:
    """The hand-over at nine of the first day of summer time, eleven hours later by the clock on the wall, ten by another."""
    rows(
        desk.url,
        "UPDATE quivive.escalation_policies SET declared = declared || %s::jsonb",
        '{"steps": [{"schedule": "primary"}, {"wait": "10h59min", "schedule": "primary"}]}',
    )
    before = to_us(datetime.fromisoformat("2026-03-28T23:00:00+01:00"))
    await record(desk.url, confirmed(before))
    assert await desk.at(before) == ["confirmed bob 1"]
    nine = to_us(datetime.fromisoformat("2026-03-29T09:00:00+02:00"))
    assert nine - before == 9 * 60 * MINUTE
    second = before + (10 * 60 + 59) * MINUTE
    await desk.at(second - 1_000)
    assert await desk.at(second) == ["escalated alice 2"]


@pytest.mark.parametrize("late_min", [0, 3])
async def test_an_answer_stops_everything_and_everybody_who_was_told_hears_of_it(desk: Desk, late_min: int) -> None:
    await record(desk.url, confirmed(START))
    await desk.at(START)
    await desk.at(START + 10 * MINUTE)
    desk.acknowledge("i1", START + 11 * MINUTE)
    assert await desk.at(START + (11 + late_min) * MINUTE) == []
    told = rows(
        desk.url, "SELECT recipient, payload ->> 'person' FROM quivive.outbox WHERE kind = 'incident.acknowledged'"
    )
    assert told == [("people/bob", "Alice Martin")]
    assert await desk.at(START + 500 * MINUTE) == []
    assert set(desk.steps("cancel_reason")) == {None, "acknowledged"}


async def test_the_end_goes_to_everybody_who_was_told_once(desk: Desk) -> None:
    await record(desk.url, confirmed(START))
    for minute in (0, 10, 15, 35):
        await desk.at(START + minute * MINUTE)
    await record(desk.url, resolved(START + 36 * MINUTE))
    ends = rows(desk.url, "SELECT recipient FROM quivive.outbox WHERE kind = 'incident.resolved' ORDER BY recipient")
    assert ends == [("people/alice",), ("people/bob",), ("people/boss",)]
    assert await desk.at(START + 500 * MINUTE) == []
    assert set(desk.steps("cancel_reason")) == {None, "resolved"}


async def test_a_page_that_is_over_before_it_is_due_begins_nothing(desk: Desk) -> None:
    rows(desk.url, "UPDATE quivive.plans SET page_after_us = %s WHERE plan_id = 'premium'", 3 * MINUTE)
    await record(desk.url, confirmed(START))
    assert await desk.at(START + 2 * MINUTE) == []
    await record(desk.url, resolved(START + 2 * MINUTE))
    assert await desk.at(START + 5 * MINUTE) == []
    assert rows(desk.url, "SELECT count(*) FROM quivive.escalations") == [(0,)]


async def test_a_silence_holds_the_page_and_it_goes_out_when_the_silence_is_taken_back(desk: Desk) -> None:
    rows(
        desk.url,
        "INSERT INTO quivive.silences (silence_id, site_ids, start_time, end_time, reason)"
        " VALUES ('s', '{site-1}', to_timestamp(%s), to_timestamp(%s), 'we know')",
        *(START / 1e6 - 60, START / 1e6 + 3600),
    )
    await record(desk.url, confirmed(START))
    assert await desk.at(START + 5 * MINUTE) == []
    rows(desk.url, "UPDATE quivive.silences SET delete_time = now()")
    assert await desk.at(START + 6 * MINUTE) == ["confirmed bob 1"]
    assert await desk.at(START + 10 * MINUTE) == []  # the others waited as long
    assert await desk.at(START + 16 * MINUTE) == ["escalated bob 2"]


async def test_maintenance_that_begins_meanwhile_holds_the_next_step(desk: Desk) -> None:
    await record(desk.url, confirmed(START))
    await desk.at(START)
    rows(
        desk.url,
        "INSERT INTO quivive.maintenance (site_id, start_time, duration_us) VALUES ('site-1', to_timestamp(%s), %s)",
        *(START / 1e6 + 300, 30 * MINUTE),
    )
    for minute in range(5, 35):
        assert await desk.at(START + minute * MINUTE) == []
    assert await desk.at(START + 35 * MINUTE) == ["escalated bob 2", "target_near boss 1000"]


async def test_where_nobody_is_on_call_the_next_step_follows_at_once(desk: Desk) -> None:
    rows(
        desk.url,
        "UPDATE quivive.schedules SET declared = jsonb_set(declared, '{layers,0,hours}', '\"MON 09:00-10:00\"')",
    )
    await record(desk.url, confirmed(START))
    assert await desk.at(START) == ["confirmed bob 2"]
    assert desk.steps()[0] == "told nobody; nobody is on call in primary"
    assert await desk.at(START + 5 * MINUTE) == ["escalated alice 3", "escalated bob 3"]


async def test_a_policy_that_reaches_nobody_tells_every_channel_for_incidents(desk: Desk) -> None:
    rows(desk.url, "UPDATE quivive.people SET delete_time = now()")
    await record(desk.url, confirmed(START))
    assert await desk.at(START) == ["confirmed  7"]


async def test_an_outage_that_fails_again_goes_on_where_it_stood(desk: Desk) -> None:
    from aggregator.decide.transitions import IncidentReopened

    await record(desk.url, confirmed(START))
    await desk.at(START)
    await record(desk.url, resolved(START + 5 * MINUTE))
    await record(desk.url, IncidentReopened("i1", 101, START + 6 * MINUTE, "failed again", ("eu-west",)))
    assert await desk.at(START + 9 * MINUTE) == []
    assert await desk.at(START + 10 * MINUTE) == ["escalated bob 2"]


async def test_somebody_who_stands_in_is_told_instead(desk: Desk) -> None:
    rows(
        desk.url,
        "INSERT INTO quivive.schedule_overrides (override_id, schedule_id, person_id, start_time, end_time)"
        " VALUES ('o', 'primary', 'alice', to_timestamp(%s), to_timestamp(%s))",
        *(START / 1e6 - 60, START / 1e6 + 60),
    )
    await record(desk.url, confirmed(START))
    assert await desk.at(START) == ["confirmed alice 1"]


async def test_customers_contacts_hear_of_beginning_and_end_and_start_no_response_clock(desk: Desk) -> None:
    rows(desk.url, "UPDATE quivive.customers SET contacts = %s::jsonb", '[{"email": "paul@martin.example"}]')
    rows(
        desk.url,
        "INSERT INTO quivive.channels (channel_id, type, audience, declared, internal)"
        " VALUES ('@customers', 'email', '{}', '{\"to\": []}', true)",
    )
    at = START
    await record(desk.url, confirmed(at))
    async with database.pool(desk.url) as pool:
        outbox = Outbox(pool)
        (delivery,) = await outbox.claim(16)
        assert (delivery.contact, delivery.locale, delivery.person) == ("paul@martin.example", "fr", None)
        await outbox.sent(delivery)
    assert rows(desk.url, "SELECT page_time FROM quivive.incidents") == [(None,)]
    await record(desk.url, resolved(at + MINUTE))
    assert rows(desk.url, "SELECT recipient FROM quivive.outbox WHERE kind = 'incident.resolved'") == [
        ("contacts/paul@martin.example",)
    ]


async def test_a_person_s_message_names_the_person(desk: Desk) -> None:
    await record(desk.url, confirmed(START))
    async with database.pool(desk.url) as pool:
        await Escalation(pool).go_on(START)
        (delivery,) = await Outbox(pool).claim(16)
    assert (delivery.person, delivery.person_name, delivery.contact) == ("bob", "Bob", "bob@agency.example")
    assert delivery.payload["step_reason"] == "step 1 of policy night"
    assert delivery.payload["respond_by"] == to_datetime(START + 30 * MINUTE).isoformat()
    assert PEOPLE[1]["id"] == "bob"
    assert POLICY["id"] == "night"
    assert SCHEDULE["id"] == "primary"


GROUP = "INSERT INTO quivive.incident_groups (group_id, start_time, attributes) VALUES ('i1', now(), '{address 192.0.2.7:443}')"


async def test_a_group_escalates_as_one_and_answering_one_answers_all(migrated_url: str) -> None:
    declare_paging(migrated_url, sites=4)
    async with database.pool(migrated_url) as pool:
        desk = Desk(migrated_url, pool)
        await record(migrated_url, *(confirmed(START, f"i{n}", 100 + n) for n in (1, 2)))
        rows(migrated_url, GROUP)
        rows(migrated_url, "UPDATE quivive.incidents SET group_id = 'i1'")
        assert await desk.at(START) == ["confirmed bob 1"] * 2  # which go out as one message
        assert rows(migrated_url, "SELECT count(*) FROM quivive.escalations") == [(1,)]
        await record(migrated_url, confirmed(START + MINUTE, "i3", 103))
        rows(migrated_url, "UPDATE quivive.incidents SET group_id = 'i1'")
        await desk.at(START + MINUTE)
        joined = rows(migrated_url, "SELECT recipient, step FROM quivive.outbox WHERE incident_id = 'i3'")
        assert joined == [("people/bob", 1)]
        desk.acknowledge("i2", START + 2 * MINUTE)
        await desk.at(START + 2 * MINUTE)
        assert rows(migrated_url, "SELECT count(*) FROM quivive.incidents WHERE acknowledge_time IS NULL") == [(0,)]
        assert await desk.at(START + 500 * MINUTE) == []
        events = rows(
            migrated_url, "SELECT detail FROM quivive.incident_events WHERE kind = 'acknowledged' ORDER BY detail"
        )
        assert events == [("Alice Martin, with incident i2",)] * 2
