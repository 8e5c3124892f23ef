"""Rule 12: incidents that one thing explains form a group, so that whoever is on call hears of it once.

What explains an incident: the address that was tried, with its port; the host of the URL; for DNS the name server that was asked,
or the zone that the name is in, which stands for its name servers. An incident joins the oldest group that began at most two
minutes before it was confirmed and shares one of these with it; from then on the group is explained by what all its members share.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aggregator.decide.evidence import Witness
from quivive.domain.words import Cause, Responsibility

WINDOW_US = 120_000_000
_SHARED_PAGES = frozenset(
    {Cause.CONTENT_DATABASE_ERROR, Cause.CONTENT_DEFAULT_PAGE, Cause.CONTENT_SUSPENDED, Cause.CDN_ORIGIN}
)
"""Pages that a shared server shows for many sites at once."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A newly confirmed incident and what may explain it: "address 192.0.2.7:443", "host www.example.com:443"."""

    incident: str
    confirm_us: int
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`start_us` is the confirmation of its first member."""

    group: str
    start_us: int
    attributes: tuple[str, ...]
    """What all members share, the most telling first."""


@dataclass(frozen=True, slots=True)
class Placing:
    """Where newcomers belong, by incident, and the groups as they are now, whether new or changed."""

    members: dict[str, str]
    groups: tuple[Group, ...]


def attributes_of(
    cause: Cause, responsibility: Responsibility, witnesses: Iterable[Witness], target: str
) -> tuple[str, ...]:
    """What may explain an incident with this cause on `target`; nothing where the cause is the site's own."""
    parts = urlsplit(target)
    host = parts.hostname or target
    if cause // 10 == 1:
        labels = host.split(".")
        zone = ".".join(labels[1:] if len(labels) > 2 else labels)
        return (*_named("nameserver", witnesses), f"zone {zone}")
    layered = cause // 10 in (2, 4) or cause in (Cause.TLS_TIMEOUT, Cause.TLS_HANDSHAKE, Cause.TLS_ALERT)
    explained = cause in _SHARED_PAGES or cause is Cause.HTTP_STATUS_5XX
    if not explained and not (layered and responsibility is Responsibility.HOST):
        return ()
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return (*_named("address", witnesses), f"host {host}:{port}" if port else f"host {host}")


def _named(kind: str, witnesses: Iterable[Witness]) -> list[str]:
    return [f"{kind} {address}" for address in sorted({witness.address for witness in witnesses if witness.address})]


def place(newcomers: Sequence[Newcomer], groups: Sequence[Group]) -> Placing:
    """Find each newcomer's group, in the order of their confirmation; `groups` are those that may still take members."""
    open_groups = {group.group: group for group in sorted(groups, key=lambda g: (g.start_us, g.group))}
    explained: dict[str, list[str]] = {}
    """By attribute the groups that it explains, or once did."""
    for group in open_groups.values():
        for attribute in group.attributes:
            explained.setdefault(attribute, []).append(group.group)
    members: dict[str, str] = {}
    for newcomer in sorted(newcomers, key=lambda n: (n.confirm_us, n.incident)):
        if not newcomer.attributes:
            continue
        near = {name for attribute in newcomer.attributes for name in explained.get(attribute, ())}
        taking = [open_groups[name] for name in near if _takes(open_groups[name], newcomer)]
        found = min(taking, key=lambda group: (group.start_us, group.group), default=None)
        if found is None:
            found = Group(newcomer.incident, newcomer.confirm_us, newcomer.attributes)
            for attribute in newcomer.attributes:
                explained.setdefault(attribute, []).append(found.group)
        shared = tuple(attribute for attribute in found.attributes if attribute in newcomer.attributes)
        open_groups[found.group] = Group(found.group, found.start_us, shared)
        members[newcomer.incident] = found.group
    touched = set(members.values())
    return Placing(members, tuple(group for group in open_groups.values() if group.group in touched))


def _takes(group: Group, newcomer: Newcomer) -> bool:
    is_near = abs(newcomer.confirm_us - group.start_us) <= WINDOW_US
    return is_near and not set(group.attributes).isdisjoint(newcomer.attributes)
