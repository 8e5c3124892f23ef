"""What a watcher knows: sites and open incidents, kept up to date by the two streams."""

from collections import Counter, deque
from typing import Any

from quivive.cli.output import Record
from quivive.cli.records import incident_record, site_record, state_text, time_text
from quivive.v1 import incident_pb2, site_pb2

STATES = ("DOWN", "PARTIAL_OUTAGE", "UNKNOWN", "UP", "PAUSED")
"""The worst first."""
MOST_EVENTS = 200


class Fleet:
    """Whatever arrives is taken by `take`; everything else reads."""

    def __init__(self) -> None:
        self.sites: dict[str, Record] = {}
        self.incidents: dict[str, Record] = {}
        self.events: deque[Record] = deque(maxlen=MOST_EVENTS)
        """What happened, the newest last."""
        self.trouble = ""
        self._whole: set[str] = set()
        self._snapshot: dict[str, set[str]] = {"sites": set(), "incidents": set()}

    @property
    def complete(self) -> bool:
        """Whether both snapshots have come."""
        return len(self._whole) == 2

    def take(self, kind: str, message: Any) -> None:
        """A message of the stream of `sites` or of `incidents`."""
        if message.HasField("snapshot_end"):
            self._end_of_snapshot(kind)
        elif message.HasField("changes"):
            self._whole.add(kind)
            self.events += change_records(kind, message)
            for change in message.changes.changes:
                self._changed(kind, change)
        elif kind == "sites" and message.HasField("site"):
            self.sites[message.site.name] = site_record(message.site)
            self._snapshot[kind].add(message.site.name)
        elif kind == "incidents" and message.HasField("incident"):
            self.incidents[message.incident.name] = incident_record(message.incident)
            self._snapshot[kind].add(message.incident.name)

    def _end_of_snapshot(self, kind: str) -> None:
        """A second snapshot, after a token was too old, also says what is gone."""
        known = self.sites if kind == "sites" else self.incidents
        for name in set(known) - self._snapshot[kind]:
            del known[name]
        self._snapshot[kind] = set()
        self._whole.add(kind)

    def _changed(self, kind: str, change: Any) -> None:
        if kind == "sites":
            if change.HasField("current"):
                self.sites[change.site] = site_record(change.current)
            else:
                self.sites.pop(change.site, None)
            return
        if change.HasField("current"):
            record = incident_record(change.current)
            if record["state"] == "OPEN":
                self.incidents[change.incident] = record
            else:
                self.incidents.pop(change.incident, None)

    def counts(self, kind: str = "sites") -> Record:
        """How many sites are in each state; of incidents, how many are open."""
        if kind == "incidents":
            return {"OPEN": len(self.incidents)}
        found = Counter(record["state"] for record in self.sites.values())
        return {state: found[state] for state in (*STATES, *sorted(set(found) - set(STATES))) if found[state]}

    def worst_first(self) -> list[Record]:
        order = {state: number for number, state in enumerate(STATES)}
        return sorted(self.sites.values(), key=lambda site: (order.get(site["state"], 2), site["name"]))


def change_records(kind: str, message: Any) -> list[Record]:
    """Its changes as plain records, in their order."""
    if not message.HasField("changes"):
        return []
    return [_site_change(change) if kind == "sites" else _incident_change(change) for change in message.changes.changes]


def _site_change(change: site_pb2.SiteChange) -> Record:
    return {
        "kind": change.kind,
        "time": time_text(change, "time"),
        "site": change.site,
        "check": change.check or None,
        "state": state_text(change.state) if change.state else None,
        "incident": change.incident or None,
        "detail": None,
    }


def _incident_change(change: incident_pb2.IncidentChange) -> Record:
    return {
        "kind": f"incident.{change.kind}",
        "time": time_text(change, "time"),
        "site": change.current.site or None,
        "check": change.current.check or None,
        "state": incident_record(change.current)["state"] if change.HasField("current") else None,
        "incident": change.incident,
        "detail": change.detail or None,
    }


def line_of(record: Record) -> Any:
    """A change, or the end of a snapshot, as one line for people."""
    from rich.text import Text

    from quivive.cli.output import cell

    if record["kind"] == "snapshot":
        counts = ", ".join(
            f"{number} {state}" for state, number in record.items() if state not in ("kind", "of", "size")
        )
        return cell(f"{record['size']} {record['of']}" + (f": {counts}" if counts else ""))
    line = Text()
    subject = (record["check"] or record["site"] or "").removeprefix("sites/").replace("/checks/", "/")
    for value, width in (
        (record["time"] or "", 25),
        (record["kind"], 21),
        (subject, 24),
        (record["state"] or "", 9),
        (record["detail"] or record["incident"] or "", 0),
    ):
        shown = cell(value)
        line.append_text(shown).append(" " * max(width - len(shown), 0) + " ")
    line.rstrip()
    return line
