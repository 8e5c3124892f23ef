"""What step is due when, and what becomes of it."""

from dataclasses import replace

import pytest

from aggregator.escalate.policies import Policy, Step, Whom
from aggregator.escalate.steps import Member, Planned, Verdict, after_taking, hold, judge, plan

MINUTE = 60_000_000
ALL = ("critical", "major", "minor")
ALICE, BOB, BOSS = Whom(person="alice"), Whom(person="bob"), Whom(channel="boss")
POLICY = Policy(
    "night",
    (Step(ALICE, 0, ALL), Step(BOB, 10 * MINUTE, ALL), Step(BOSS, 5 * MINUTE, ("critical",))),
    repeat=1,
    repeat_after_us=20 * MINUTE,
    fallback=Whom(everybody=True),
)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (
            "critical",
            [
                (0, "alice"),
                (10, "bob"),
                (15, "boss"),
                (35, "alice"),
                (45, "bob"),
                (50, "boss"),
                (70, "everybody"),
            ],
        ),
        ("minor", [(0, "alice"), (10, "bob"), (35, "alice"), (45, "bob"), (70, "everybody")]),
    ],
)
def test_every_step_of_every_round_has_its_time(severity: str, expected: list[tuple[int, str]]) -> None:
    steps = plan(POLICY, severity, 1000 * MINUTE)
    assert [
        ((step.due_us // MINUTE) - 1000, step.whom.person or step.whom.channel or "everybody") for step in steps
    ] == expected
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].kind == "fallback"
    assert "round 2" in steps[-2].reason


def member(
    incident: str = "i", *, acknowledged: bool = False, resolved: bool = False, muted: int | None = None
) -> Member:
    return Member(incident, acknowledged, resolved, muted)


@pytest.mark.parametrize(
    ("members", "verdict", "told", "until"),
    [
        ([member()], Verdict.TAKE, ["i"], None),
        ([member(acknowledged=True)], Verdict.ACKNOWLEDGED, [], None),
        ([member(resolved=True)], Verdict.RESOLVED, [], None),
        ([member(acknowledged=True, resolved=True)], Verdict.RESOLVED, [], None),
        ([member("a", acknowledged=True), member("b")], Verdict.TAKE, ["b"], None),
        ([member("a", resolved=True), member("b", acknowledged=True)], Verdict.ACKNOWLEDGED, [], None),
        ([member("a", muted=9), member("b", muted=7)], Verdict.HOLD, [], 7),
        ([member("a", muted=9), member("b")], Verdict.TAKE, ["b"], None),
        ([], Verdict.RESOLVED, [], None),
    ],
)
def test_a_due_step_tells_only_of_what_nobody_has_answered(
    members: list[Member], verdict: Verdict, told: list[str], until: int | None
) -> None:
    found, of, held = judge(members)
    assert (found, [one.incident for one in of], held) == (verdict, told, until)


def test_a_step_in_time_moves_nothing() -> None:
    first, *rest = plan(POLICY, "critical", 0)
    assert after_taking(first, rest, first.due_us + MINUTE, reached_somebody=True) == []


def test_a_late_step_moves_those_behind_it_by_as_much() -> None:
    first, *rest = plan(POLICY, "critical", 0)
    moved = after_taking(first, rest, first.due_us + 30 * MINUTE, reached_somebody=True)
    assert [step.due_us for step in moved] == [step.due_us + 30 * MINUTE for step in rest]


def test_a_step_that_reaches_nobody_lets_the_next_follow_at_once() -> None:
    first, *rest = plan(POLICY, "critical", 0)
    moved = after_taking(first, rest, 0, reached_somebody=False)
    assert [step.due_us // MINUTE for step in moved] == [0, 5, 25, 35, 40, 60]


def test_a_muted_step_takes_those_behind_it_along_and_a_reminder_goes_alone() -> None:
    first, *rest = plan(POLICY, "critical", 0)
    reminder = Planned(1000, "before_missed", Whom(), 22 * MINUTE, "")
    moved = hold(first, [*rest, reminder], first.due_us + 7 * MINUTE)
    assert [step.due_us for step in moved] == [step.due_us + 7 * MINUTE for step in (first, *rest)]
    assert hold(reminder, [first, *rest], 30 * MINUTE) == [replace(reminder, due_us=30 * MINUTE)]


def test_the_reminder_keeps_its_time() -> None:
    first, *rest = plan(POLICY, "critical", 0)
    reminder = Planned(1000, "before_missed", Whom(), 22 * MINUTE, "")
    assert reminder not in after_taking(first, [*rest, reminder], 0, reached_somebody=False)
    assert after_taking(replace(first, number=7), [reminder], 0, reached_somebody=False) == []
