"""The configuration that monitors become.

1. Each page is a site of its own, with an id from its name and a customer from the wishes or a tag.
2. Each port, name or job is a check of the site it goes with: of the same domain or group, or the one that was wished for.
   It is not critical there, since it was no part of that page's availability before.
3. Whatever our own validation refuses is left out with that reason, so that the rest is correct.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from quivive.configuration import ConfigurationError, ValuePath, format_path
from quivive.configuration.durations import format_duration
from quivive.configuration.model import PRESET_CHECKS, SITE_CHECK
from quivive.configuration.validate import validate
from quivive.importing.ids import id_from, unique
from quivive.importing.monitors import Credentials, Monitor

MAX_CHECKS, MAX_TAGS, MAX_TAG = 50, 30, 200
_BARE_SITE = {"id": "any", "customer": "any", "url": "https://any.example/"}
ANY_TAG = "any"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator says about the import."""

    customer: str = "imported"
    """Whose sites they are, where no tag says."""
    by_tag: str = ""
    """The tag that names the customer: by its value, or `any` for the first tag."""
    plan: str | None = "standard"
    """Of customers that are declared with the sites; None: they are declared already."""
    services_to: str = ""
    """The site that takes ports, names and jobs that go with no other."""
    keep_intervals: bool = True
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one monitor."""

    monitor: Monitor
    became: str = ""
    """sites/x, or sites/x/checks/y; empty when it was not taken."""
    changes: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def result(self) -> str:
        return "not taken" if not self.became else "changed" if self.changes else "taken"


@dataclass(frozen=True, slots=True)
class Imported:
    """`data` has the kinds as keys, as a file has them, and is correct."""

    data: dict[str, Any]
    fates: Sequence[Fate]
    secrets: Mapping[str, str] = field(repr=False)
    """By the variable that the agents read."""


@dataclass(slots=True)
class _Building:
    wishes: Wishes
    sites: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    """Name by id."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    """Ids of the sites of each group."""
    domains: dict[str, list[str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


def build(monitors: Sequence[Monitor], wishes: Wishes) -> Imported:
    """The configuration, and the fate of every monitor in their order."""
    building = _Building(wishes)
    fates: dict[int, Fate] = {}
    for wanted in (True, False):
        for number, monitor in enumerate(monitors):
            if monitor.refusal:
                fates[number] = Fate(monitor, refusal=monitor.refusal)
            elif ("url" in monitor.check) is wanted:
                fates[number] = (_site if wanted else _service)(building, monitor)
    data: dict[str, Any] = {}
    if wishes.plan is not None and building.customers:
        data["customers"] = [{"id": id_, "name": name, "plan": wishes.plan} for id_, name in building.customers.items()]
    data["sites"] = list(building.sites.values())
    return Imported(data, [fates[number] for number in range(len(monitors))], building.secrets)


def _site(building: _Building, monitor: Monitor) -> Fate:
    host = _host(monitor.check["url"])
    id_ = unique(id_from(monitor.name, host) or "site", building.sites)
    customer, name, naming = _customer(building.wishes, monitor)
    site: dict[str, Any] = {"id": id_, "customer": customer, **_plain(monitor.check)}
    if monitor.interval is not None and building.wishes.keep_intervals:
        site["interval"] = format_duration(monitor.interval)
    changes = monitor.changes
    if monitor.credentials is not None:
        site["auth"], told = _auth(building, id_, monitor.credentials)
        changes = (*changes, told)
    if building.wishes.preset and "method" not in site:
        site["preset"] = building.wishes.preset
    if tags := _tags(monitor, naming):
        site["tags"] = tags
    if monitor.paused:
        site["paused"] = True
    if reason := _objection({"sites": [site]}, ("sites", 0)):
        return Fate(monitor, refusal=reason)
    if customer not in building.customers:
        declared = {"id": customer, "name": name, "plan": "any"}
        if reason := _objection({"customers": [declared]}, ("customers", 0)):
            return Fate(monitor, refusal=f"its customer: {reason}")
        building.customers[customer] = name
    building.sites[id_] = site
    if monitor.group:
        building.groups.setdefault(monitor.group, []).append(id_)
    building.domains.setdefault(_domain(host), []).append(id_)
    return Fate(monitor, f"sites/{id_}", changes)


def _tags(monitor: Monitor, without: tuple[str, str] | None) -> list[str]:
    """As a site has them: `name`, or `name: value`, and the group's name; not the one that named the customer."""
    said = [f"{tag[0]}: {tag[1]}" if tag[1] else tag[0] for tag in monitor.tags if tag != without]
    kept = [" ".join(tag.split())[:MAX_TAG] for tag in (*said, monitor.group)]
    return [tag for tag in dict.fromkeys(kept) if tag and tag.isprintable()][:MAX_TAGS]


def _service(building: _Building, monitor: Monitor) -> Fate:
    if monitor.paused:
        return Fate(monitor, refusal="it was paused, and a single check cannot be")
    id_ = _home(building, monitor)
    if id_ is None:
        return Fate(monitor, refusal="no site of its domain or group was taken: name one by --services-to")
    site = building.sites[id_]
    checks: list[dict[str, Any]] = site.setdefault("checks", [])
    try:
        if len(checks) >= MAX_CHECKS:
            return Fate(monitor, refusal=f"{id_} has {MAX_CHECKS} checks already")
        kind = next(kind for kind in ("tcp", "dns", "heartbeat") if kind in monitor.check)
        taken = {SITE_CHECK, *(check["name"] for check in checks), *PRESET_CHECKS.get(site.get("preset", ""), ())}
        check = {"name": unique(id_from(monitor.name) or kind, taken), "critical": False, **_plain(monitor.check)}
        if monitor.interval is not None and building.wishes.keep_intervals and kind != "heartbeat":
            check["interval"] = format_duration(monitor.interval)
        if reason := _objection({"sites": [{**_BARE_SITE, "checks": [check]}]}, ("sites", 0, "checks", 0)):
            return Fate(monitor, refusal=reason)
        checks.append(check)
    finally:
        if not checks:
            del site["checks"]
    told = f"a check of {id_} now, which is not down for it: `critical: true` would count it"
    return Fate(monitor, f"sites/{id_}/checks/{check['name']}", (*monitor.changes, told))


def _home(building: _Building, monitor: Monitor) -> str | None:
    """The site that the service goes with: of the same group and domain rather than of one of them."""
    host = monitor.check.get("tcp", {}).get("host") or monitor.check.get("dns", {}).get("name") or ""
    domain = building.domains.get(_domain(host), []) if host else []
    group = building.groups.get(monitor.group, []) if monitor.group else []
    both = [site for site in domain if site in group]
    wished = building.wishes.services_to.removeprefix("sites/")
    return next(iter((*both, *domain, *group)), wished if wished in building.sites else None)


def _customer(wishes: Wishes, monitor: Monitor) -> tuple[str, str, tuple[str, str] | None]:
    """Id and name of whose site it is, and the tag that said so."""
    for name, value in monitor.tags:
        if wishes.by_tag == ANY_TAG or name.lower() == wishes.by_tag.lower() != "":
            said = value or name
            if made := id_from(said):
                return made, " ".join(said.split())[:200], (name, value)
    return wishes.customer, wishes.customer, None


def _auth(building: _Building, site: str, credentials: Credentials) -> tuple[dict[str, str], str]:
    variable = "QUIVIVE_SECRET_" + site.upper().replace("-", "_")
    building.secrets[variable] = credentials.secret
    told = f"its secret is read from {variable}"
    if credentials.user is None:
        return {"bearer": variable}, told
    return {"user": credentials.user, "password": variable}, told


def _objection(data: Mapping[str, Any], under: ValuePath) -> str:
    """What our own validation has against the item at that path; nothing when it is correct."""
    try:
        validate(data)
    except ConfigurationError as error:
        problem = error.problems[0]
        return f"{format_path(problem.path[len(under) :])}: {problem.message}"[:300].removeprefix(": ")
    return ""


def _plain(value: Any) -> Any:
    """Durations as text, as a file has them."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


_SECOND_LEVEL = frozenset(("ac", "asso", "co", "com", "edu", "gouv", "gov", "net", "org"))


def _domain(host: str) -> str:
    """What belongs together: example.co.uk of mail.example.co.uk. A guess, for a list of all suffixes would have to be kept."""
    labels = host.lower().rstrip(".").split(".")
    if host.replace(".", "").isdigit() or ":" in host:
        return host
    long = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if long else -2 :])
