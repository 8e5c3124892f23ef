"""What a watcher knows after any order of snapshots and changes."""

from rich.console import Console

from quivive.cli.fleet import Fleet, line_of
from quivive.cli.fleet_view import view
from quivive.v1 import incident_pb2, outcome_pb2, site_pb2


def site(name: str, state: int = outcome_pb2.STATE_UP) -> site_pb2.Site:
    return site_pb2.Site(name=f"sites/{name}", customer="customers/martin", url=f"https://{name}.example/", state=state)


def incident(name: str, state: int = incident_pb2.Incident.STATE_OPEN) -> incident_pb2.Incident:
    return incident_pb2.Incident(name=f"incidents/{name}", site="sites/a", state=state, detail="\x1b[2J503")


def loaded(*sites: site_pb2.Site) -> Fleet:
    fleet = Fleet()
    for one in sites:
        fleet.take("sites", site_pb2.WatchSitesResponse(site=one))
    fleet.take("sites", site_pb2.WatchSitesResponse(snapshot_end=site_pb2.SnapshotEnd(size=len(sites))))
    fleet.take("incidents", incident_pb2.WatchIncidentsResponse(snapshot_end=site_pb2.SnapshotEnd()))
    return fleet


def changed(fleet: Fleet, kind: str, one: site_pb2.Site | None, name: str) -> None:
    change = site_pb2.SiteChange(kind=kind, site=f"sites/{name}", current=one, state=one.state if one else 0)
    fleet.take("sites", site_pb2.WatchSitesResponse(changes=site_pb2.SiteChanges(changes=[change])))


def test_a_change_replaces_what_was_known_and_a_deletion_removes_it() -> None:
    fleet = loaded(site("a"), site("b"))
    changed(fleet, "state.changed", site("b", outcome_pb2.STATE_DOWN), "b")
    assert [record["name"] for record in fleet.worst_first()] == ["sites/b", "sites/a"]
    assert fleet.counts() == {"DOWN": 1, "UP": 1}
    changed(fleet, "deleted", None, "a")
    assert set(fleet.sites) == {"sites/b"}
    assert [event["kind"] for event in fleet.events] == ["state.changed", "deleted"]


def test_a_second_snapshot_says_what_is_gone() -> None:
    fleet = loaded(site("a"), site("b"))
    fleet.take("sites", site_pb2.WatchSitesResponse(site=site("b")))
    fleet.take("sites", site_pb2.WatchSitesResponse(snapshot_end=site_pb2.SnapshotEnd(size=1)))
    assert set(fleet.sites) == {"sites/b"}


def test_a_resolved_incident_is_open_no_more() -> None:
    fleet = loaded()
    for kind, state in (
        ("confirmed", incident_pb2.Incident.STATE_OPEN),
        ("resolved", incident_pb2.Incident.STATE_RESOLVED),
    ):
        change = incident_pb2.IncidentChange(kind=kind, incident="incidents/i", current=incident("i", state))
        fleet.take(
            "incidents", incident_pb2.WatchIncidentsResponse(changes=incident_pb2.IncidentChanges(changes=[change]))
        )
        assert fleet.counts("incidents") == {"OPEN": int(kind == "confirmed")}


def test_the_screen_holds_the_worst_and_nothing_that_steers_it() -> None:
    fleet = loaded(*(site(f"s{number}") for number in range(500)), site("worst", outcome_pb2.STATE_DOWN))
    change = incident_pb2.IncidentChange(
        kind="confirmed", incident="incidents/i", current=incident("i"), detail="\x1b[2J"
    )
    fleet.take("incidents", incident_pb2.WatchIncidentsResponse(changes=incident_pb2.IncidentChanges(changes=[change])))
    with open("/dev/null", "w") as nowhere:
        console = Console(width=100, height=30, record=True, file=nowhere)
        console.print(view(fleet, 30))
        shown = console.export_text()
    lines = shown.splitlines()
    assert len(lines) <= 30
    assert "1 DOWN" in lines[0]
    assert "worst" in shown
    assert "\x1b" not in shown
    assert "\x1b" not in line_of(fleet.events[0]).plain
