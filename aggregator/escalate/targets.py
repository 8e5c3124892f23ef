"""From whom a step names to the receivers it reaches now, and why it reaches nobody."""

from collections.abc import Iterator
from dataclasses import dataclass

from aggregator.escalate.policies import Person, Roster, Severity, Whom
from quivive.oncall.shifts import who, within_hours


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver: a channel as it is declared, or a person on it."""

    channel: str
    person: Person | None = None
    contact: str | None = None
    """The person's own address there; None: whoever the channel names."""
    not_before_us: int | None = None
    """The end of the person's quiet hours."""

    @property
    def recipient(self) -> str:
        return f"people/{self.person.person}" if self.person is not None else ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is told, and what there is to say about who is not."""

    targets: tuple[Target, ...]
    notes: tuple[str, ...]


def reach(whom: Whom, roster: Roster, severity: Severity, now_us: int) -> Reach:
    """Everybody whom the step names, each once a channel. Names that nothing has any more are noted, never an error."""
    targets: dict[tuple[str, str], Target] = {}
    notes: list[str] = []
    if whom.channel is not None:
        if whom.channel in roster.channels:
            targets[whom.channel, ""] = Target(whom.channel)
        else:
            notes.append(f"there is no channel {whom.channel}")
    for person in _people(whom, roster, now_us, notes):
        found = list(_ways(person, whom, roster, severity, now_us))
        if not found:
            notes.append(f"{person.person} can be reached on no channel")
        for target in found:
            targets.setdefault((target.channel, target.recipient), target)
    return Reach(tuple(targets.values()), tuple(notes))


def last_resort(roster: Roster) -> Reach:
    """When a whole escalation reached nobody: every channel for incidents."""
    return Reach(tuple(Target(channel) for channel in roster.for_incidents), ("everything else reached nobody",))


def _people(whom: Whom, roster: Roster, now_us: int, notes: list[str]) -> Iterator[Person]:
    names: list[str] = [whom.person] if whom.person is not None else []
    if whom.schedule is not None:
        schedule = roster.schedules.get(whom.schedule)
        on_call = who(schedule, now_us)[0] if schedule is not None else None
        if schedule is None:
            notes.append(f"there is no schedule {whom.schedule}")
        elif on_call is None:
            notes.append(f"nobody is on call in {whom.schedule}")
        else:
            names.append(on_call)
    if whom.everybody:
        names += [person.person for person in roster.people.values() if person.is_operator]
    for name in dict.fromkeys(names):
        if (person := roster.people.get(name)) is not None:
            yield person
        else:
            notes.append(f"there is no person {name}")


def _ways(person: Person, whom: Whom, roster: Roster, severity: Severity, now_us: int) -> Iterator[Target]:
    not_before_us = None
    if severity != "critical" and person.quiet_hours is not None:
        not_before_us = within_hours(person.quiet_hours, person.zone, now_us)
    types = set()
    for channel in whom.channels or roster.for_incidents or tuple(roster.channels):
        type_ = roster.channels.get(channel)
        if type_ is None or (type_ in types and not whom.channels):
            continue
        contact = person.addresses.get(type_)
        if contact is not None or whom.channels:
            types.add(type_)
            yield Target(channel, person, contact, not_before_us)
