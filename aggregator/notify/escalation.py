"""Escalations: pages that are due begin theirs, steps that are due are taken, and an answer ends all of it.

Rows say what is due when; nothing is remembered between two rounds, so that any aggregator may take the next one, after whatever
happened to the last. A step's messages are written into the outbox in the transaction that marks it as taken.
"""

from collections import defaultdict
from typing import Any

import psycopg
import structlog
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from aggregator.escalate.policies import Roster, Whom
from aggregator.escalate.steps import BEFORE_MISSED, Member, Planned, Verdict, after_taking, hold, judge, plan
from aggregator.escalate.targets import Reach, Target, last_resort, reach
from aggregator.escalate.terms import remind_us
from aggregator.maintenance import Rule, running_until
from aggregator.notify.roster import SQL, read_roster
from aggregator.working import working_time
from quivive.domain.times import to_datetime, to_us

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 200
"""Steps of one round; more are the next one's."""
LOOK_AGAIN_US = 30_000_000
"""A muted step is looked at this often: what mutes it may be taken back."""


class Escalation:
    """One round after the other, each as of an instant that is given."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def go_on(self, now_us: int) -> bool:
        """One round: answers, pages that are due, reminders to plan, steps that are due. True when the outbox may have news.

        Raises one of `database.PASSING`; what was done until then stays done.
        """
        async with self._pool.connection() as connection:
            async with connection.transaction():
                news = await self._acknowledge(connection, now_us)
            async with connection.transaction():
                await self._begin(connection, now_us)
            async with connection.transaction():
                await self._plan_reminders(connection)
            for _ in range(MOST_AT_ONCE):
                async with connection.transaction():
                    if not await self._take_step(connection, now_us):
                        break
                news = True
        return news

    async def _acknowledge(self, connection: psycopg.AsyncConnection, now_us: int) -> bool:
        """Whatever has been answered since the last round: nothing more is sent, and everybody who was told hears who is on it."""
        cursor = await connection.execute(SQL["answered"])
        for incident, time, person, other in await cursor.fetchall():
            row = {"incident": incident, "time": time, "detail": f"{person or 'somebody'}, with incident {other}"}
            await connection.execute(SQL["answered_event"], row)
        answered = [row[0] for row in await (await connection.execute(SQL["acknowledge"])).fetchall()]
        if not answered:
            return False
        row = {"incidents": answered, "now": to_datetime(now_us)}
        for section in ("acknowledge_tell", "acknowledge_steps", "acknowledge_cancel"):
            await connection.execute(SQL[section], row)
        return True

    async def _begin(self, connection: psycopg.AsyncConnection, now_us: int) -> None:
        """Pages that are due: the first of a group begins its escalation, the others join it."""
        cursor = await connection.execute(SQL["begin"], {"now": to_datetime(now_us)})
        pages: dict[tuple[str, str], list[tuple[str, int, str]]] = defaultdict(list)
        for incident, page, policy, due, severity in await cursor.fetchall():
            pages[page, policy].append((incident, to_us(due), severity))
        roster: Roster | None = None
        for (page, policy), incidents in sorted(pages.items()):
            _, start_us, severity = incidents[0]
            names = [incident for incident, *_ in incidents]
            row = {"page": page, "policy": policy, "start": to_datetime(start_us), "severity": severity}
            opened = await (await connection.execute(SQL["escalation_open"], row)).fetchone()
            if opened is not None:
                if policy:
                    roster = roster or await read_roster(connection, now_us)
                    await self._plan(connection, opened[0], policy, severity, start_us, roster)
                await connection.execute(SQL["attach"], {"escalation": opened[0], "incidents": names})
                continue
            existing = await (await connection.execute(SQL["escalation_lock"], row)).fetchone()
            assert existing is not None
            joined = {"escalation": existing[0], "incidents": names, "now": to_datetime(now_us)}
            await connection.execute(SQL["tell_joined"], joined)
            await connection.execute(SQL["attach"], joined)

    async def _plan(
        self,
        connection: psycopg.AsyncConnection,
        escalation: int,
        name: str,
        severity: str,
        start_us: int,
        roster: Roster,
    ) -> None:
        policy = roster.policies.get(name)
        lost = Planned(1, "fallback", Whom(), start_us, f"policy {name} was removed")
        for step in plan(policy, severity, start_us) if policy is not None else [lost]:
            await connection.execute(SQL["step_plan"], _step_row(escalation, step))

    async def _plan_reminders(self, connection: psycopg.AsyncConnection) -> None:
        """Where three quarters of a response target will be gone, in the plan's working time, somebody will be told."""
        seen = set()
        for row in await (await connection.execute(SQL["unreminded"])).fetchall():
            _, escalation, policy, page_time, target_us, hours, timezone, place = row
            if escalation in seen:
                continue
            seen.add(escalation)
            at_us = remind_us(to_us(page_time), target_us, working_time(hours, timezone, place))
            whom = None
            if policy:
                declared = (await read_roster(connection, to_us(page_time))).policies.get(policy)
                whom = declared.before_missed if declared is not None else None
            reason = "three quarters of the response target are gone"
            step = Planned(BEFORE_MISSED, "before_missed", whom or Whom(), at_us or to_us(page_time), reason)
            cancelled = None if at_us is not None else "no working time ahead"
            await connection.execute(SQL["step_plan"], _step_row(escalation, step, cancelled))

    async def _take_step(self, connection: psycopg.AsyncConnection, now_us: int) -> bool:
        """The step that has been due for longest; False when there is none."""
        row = await (await connection.execute(SQL["step_due"], {"now": to_datetime(now_us)})).fetchone()
        if row is None:
            return False
        escalation, number, kind, whom, reason, due, policy, severity = row
        step = Planned(number, kind, Whom.of_json(whom), to_us(due), reason)
        verdict, told_of, held_until_us = judge(await _members(connection, escalation, now_us))
        at = {"escalation": escalation, "number": number, "now": to_datetime(now_us)}
        match verdict:
            case Verdict.HOLD:
                assert held_until_us is not None
                again_us = max(min(held_until_us, now_us + LOOK_AGAIN_US), now_us + 1)
                await _move(connection, escalation, hold(step, await _behind(connection, at), again_us))
            case Verdict.ACKNOWLEDGED | Verdict.RESOLVED:
                await connection.execute(SQL["step_cancel"], {**at, "reason": verdict.value})
            case Verdict.TAKE:
                incidents = [member.incident for member in told_of]
                await self._tell(connection, step, at, incidents, policy, severity, now_us)
        return True

    async def _tell(
        self,
        connection: psycopg.AsyncConnection,
        step: Planned,
        at: dict[str, Any],
        incidents: list[str],
        policy: str,
        severity: str,
        now_us: int,
    ) -> None:
        roster = await read_roster(connection, now_us)
        told = await (await connection.execute(SQL["told"], at)).fetchall()
        behind = await _behind(connection, at)
        reached = reach(step.whom, roster, severity, now_us)
        receivers = [_receiver(target, now_us) for target in reached.targets]
        if step.kind == "before_missed" and not receivers:
            receivers = [(channel, recipient, data, now_us) for channel, recipient, data in told]
        if not receivers and not told and not any(other.kind != "before_missed" for other in behind):
            reached = Reach(last_resort(roster).targets, (*reached.notes, *last_resort(roster).notes))
            receivers = [_receiver(target, now_us) for target in reached.targets]
        message = {
            "step": "incident.escalated",
            "fallback": "incident.escalated",
            "before_missed": "incident.target_near",
        }
        row = {
            **at,
            "kind": message[step.kind] if told else "incident.confirmed",
            "reason": step.reason,
            "incidents": incidents,
        }
        for channel, recipient, data, due_us in receivers:
            to = {"channel": channel, "recipient": recipient, "recipient_data": Jsonb(data)}
            await connection.execute(SQL["tell"], {**row, **to, "due": to_datetime(due_us)})
        names = [
            f"{recipient.removeprefix('people/')} on {channel}" if recipient else channel
            for channel, recipient, *_ in receivers
        ]
        outcome = "; ".join([f"told {', '.join(names)}" if names else "told nobody", *reached.notes])
        await connection.execute(SQL["step_taken"], {**at, "outcome": outcome})
        await connection.execute(SQL["escalated_event"], {**row, "detail": f"{step.reason}: {outcome}"})
        moved = after_taking(step, behind, now_us, reached_somebody=bool(receivers))
        await _move(connection, at["escalation"], moved)
        log.info("escalation.stepped", policy=policy, step=step.number, incidents=len(incidents), outcome=outcome)


async def _behind(connection: psycopg.AsyncConnection, at: dict[str, Any]) -> list[Planned]:
    """The escalation's other steps that have not been taken."""
    found = await (await connection.execute(SQL["steps_behind"], at)).fetchall()
    return [Planned(n, kind, Whom.of_json(whom), to_us(due), why) for n, kind, whom, why, due in found]


async def _move(connection: psycopg.AsyncConnection, escalation: int, steps: list[Planned]) -> None:
    for step in steps:
        row = {"escalation": escalation, "number": step.number, "due": to_datetime(step.due_us)}
        await connection.execute(SQL["step_move"], row)


async def _members(connection: psycopg.AsyncConnection, escalation: int, now_us: int) -> list[Member]:
    row = {"escalation": escalation, "now": to_datetime(now_us)}
    found = await (await connection.execute(SQL["members"], row)).fetchall()
    rules: dict[str, list[Rule]] = defaultdict(list)
    cursor = await connection.execute(SQL["maintenance"], {"sites": sorted({site for *_, site, _ in found})})
    for site, timezone, cron, start, ical, duration_us in await cursor.fetchall():
        rules[site].append(Rule(duration_us, timezone, cron, None if start is None else to_us(start), ical))
    members = []
    for incident, acknowledged, resolved, site, silent_until in found:
        ends = [running_until(rules[site], now_us), None if silent_until is None else to_us(silent_until)]
        muted_until_us = max((end for end in ends if end is not None), default=None)
        members.append(Member(incident, acknowledged, resolved, muted_until_us))
    return members


def _receiver(target: Target, now_us: int) -> tuple[str, str, dict[str, Any], int]:
    """Channel, recipient, what the sender has to know of him, and when."""
    data: dict[str, Any] = {}
    if target.person is not None:
        data = {"person": target.person.person, "person_name": target.person.name, "locale": target.person.locale}
    if target.contact is not None:
        data["contact"] = target.contact
    due_us = now_us if target.not_before_us is None else target.not_before_us
    return target.channel, target.recipient, data, due_us


def _step_row(escalation: int, step: Planned, cancel_reason: str | None = None) -> dict[str, Any]:
    return {
        "escalation": escalation,
        "number": step.number,
        "kind": step.kind,
        "whom": Jsonb(step.whom.to_json()),
        "reason": step.reason,
        "due": to_datetime(step.due_us),
        "cancel_reason": cancel_reason,
    }
