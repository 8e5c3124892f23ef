"""From facts to an explanation: steps in the order of time, and one sentence that answers the question. No I/O, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.explain.facts import AttemptFact, DecisionFact, Facts, IncidentFact, PageFact
from quivive.domain.checks import quorum_of
from quivive.domain.words import Cause, Outcome, State

MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Step:
    time: datetime
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reasons:
    paged: bool
    summary: str
    steps: tuple[Step, ...]
    counted: DecisionFact | None
    """The last decision up to the instant: its votes are those that held then."""


def explain(facts: Facts) -> Reasons:
    """Say what was so, what came of it, and why."""
    paged, summary = _answer(facts)
    before = [decision for decision in facts.decisions if decision.time <= facts.time]
    steps = sorted(_steps(facts), key=lambda step: step.time)
    return Reasons(paged, summary, tuple(steps), before[-1] if before else None)


def _answer(facts: Facts) -> tuple[bool, str]:
    check = facts.check
    if facts.time < check.create_time:
        return False, f"Not paged: the check was not watched before {_clock(check.create_time)}."
    if check.delete_time is not None and facts.time >= check.delete_time:
        return False, f"Not paged: the check was deleted at {_clock(check.delete_time)}."
    if facts.incident is not None:
        return _of_incident(facts, facts.incident)
    match facts.state:
        case State.PAUSED:
            return False, "Not paged: the check was paused."
        case State.UNKNOWN | None:
            blind = ", ".join(region.region for region in facts.blind if region.kind == "blind")
            why = f"; blind then: {blind}" if blind else ""
            return False, f"Not paged: too few regions had a fresh vote to know{why}. UNKNOWN pages only the operator."
        case State.PARTIAL_OUTAGE:
            return False, f"Not paged: {_reason(facts)}, and {quorum_of(len(check.regions))} regions are needed."
        case _:
            return False, _of_nothing(facts)


def _of_incident(facts: Facts, incident: IncidentFact) -> tuple[bool, str]:
    found = f"incident {incident.incident_id} was confirmed at {_clock(incident.confirm_time)}"
    sent = [page for page in facts.pages if page.sent_time is not None]
    if sent:
        first = min(sent, key=lambda page: page.sent_time or page.due_time)
        told = f" with incident {first.told_with}, which the same thing explains" if first.told_with else ""
        assert first.sent_time is not None
        return True, f"Paged at {_clock(first.sent_time)} through {first.channel_id}{told}: {found}."
    if incident.retroactive:
        return False, f"Not paged: {found} from evidence that came late, when it was over."
    if not facts.check.critical:
        return False, f"Not paged: {found}, but the check is not critical."
    if not facts.pages:
        if incident.resolve_time is not None and incident.resolve_time <= incident.confirm_time:
            return False, f"Not paged: {found}, and had recovered by then."
        allowed = ", ".join(facts.check.channels)
        return (
            False,
            f"Not paged: {found}, but there was no channel for incidents of a type that the plan has ({allowed}).",
        )
    return False, f"Not paged: {found}, but {'; '.join(_unsent(facts, page) for page in facts.pages)}."


def _unsent(facts: Facts, page: PageFact) -> str:
    if page.cancel_reason is not None:
        error = f" ({page.last_error})" if page.last_error else ""
        return f"the page through {page.channel_id}, due at {_clock(page.due_time)}, was called off: {page.cancel_reason}{error}"
    if page.last_error is not None:
        return f"{page.channel_id} has not taken it yet: {page.last_error}"
    why = f"the plan pages after {_length(facts.check.page_after_us)}"
    if facts.maintenance_end is not None:
        why = f"maintenance ran until {_clock(facts.maintenance_end)}"
    return f"the page through {page.channel_id} was to wait until {_clock(page.due_time)}: {why}"


def _of_nothing(facts: Facts) -> str:
    retracted = [decision for decision in facts.decisions if decision.kind == "suspicion.retracted"]
    if retracted:
        return f"Not paged: an outage was suspected and called off: {retracted[-1].reason}."
    failed = [attempt for attempt in facts.attempts if attempt.outcome == Outcome.DOWN]
    if failed:
        regions = sorted({attempt.region for attempt in failed})
        needed = quorum_of(len(facts.check.regions))
        return (
            f"Not paged: {_counted(len(failed), 'attempt')} failed in {', '.join(regions)}, which did not make"
            f" {_counted(needed, 'region')} vote DOWN at once."
        )
    blocked = [attempt for attempt in facts.attempts if attempt.outcome == Outcome.BLOCKED]
    if blocked:
        return "Not paged: a firewall or a rate limit answered in the site's place, which casts no vote."
    good = sum(1 for attempt in facts.attempts if attempt.outcome == Outcome.UP)
    if not good:
        return "Not paged: the check was UP; the attempts of that time are no longer kept."
    return f"Not paged: the check was UP, and so found {_counted(good, 'attempt')} around that time."


def _steps(facts: Facts) -> Iterator[Step]:
    for region in facts.blind:
        if region.kind == "blind":
            yield Step(region.time, "blind", f"{region.region}: {region.detail}")
    for attempt in [a for a in facts.attempts if a.outcome != Outcome.UP][:MOST_ATTEMPTS]:
        yield Step(attempt.end_time, "attempt", _attempt(attempt))
    for decision in facts.decisions:
        name = f" {State(decision.state).name}" if decision.state is not None else ""
        yield Step(decision.time, decision.kind, f"{name.strip()}: {decision.reason}" if name else decision.reason)
    if facts.interval is not None and not facts.decisions:
        yield Step(
            facts.interval.start_time, "state.changed", f"{State(facts.interval.state).name}: {facts.interval.reason}"
        )
    if facts.maintenance_end is not None:
        yield Step(
            facts.time, "maintenance", f"announced work until {_clock(facts.maintenance_end)}; pages wait for its end"
        )
    for page in facts.pages:
        if page.sent_time is not None:
            told = f", with incident {page.told_with}" if page.told_with else ""
            yield Step(page.sent_time, "page.sent", f"{page.channel_id}{told}")
        else:
            yield Step(page.due_time, "page.unsent", _unsent(facts, page))


def _attempt(attempt: AttemptFact) -> str:
    seen = attempt.detail or (Cause(attempt.cause).name if attempt.cause else "")
    return f"{attempt.region} {Outcome(attempt.outcome).name}{f': {seen}' if seen else ''}"


def _reason(facts: Facts) -> str:
    return facts.interval.reason if facts.interval is not None else "nothing is recorded"


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _length(us: int) -> str:
    return str(timedelta(microseconds=us))


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
