"""`quivive watch`: the fleet as it is, and what happens to it."""

import json
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.names import complete_customer
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name

if TYPE_CHECKING:
    from quivive.cli.fleet import Fleet

REFRESH_S = 1.0


def watch(
    customer: Annotated[
        str, typer.Option("--customer", help="Only this customer's.", autocompletion=complete_customer)
    ] = "",
    wanted: Annotated[str, typer.Option("--filter", help="Sites: `tag = shop AND preset = wordpress`.")] = "",
    changes_only: Annotated[bool, typer.Option("--changes", help="What happens from now on, as lines.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Stop after so many lines [default: never].")] = 0,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Follow sites and incidents live; resumes by itself. Lines where no terminal reads, JSON lines with --output json."""
    from quivive.cli.output import console

    if output not in (Output.TABLE, Output.JSON):
        raise Failure("--output: to watch is a table or JSON lines", EXIT_USAGE)
    events = _events(server, resource_name("customers", customer) if customer else "", wanted, changes_only)
    if output is Output.TABLE and console().is_terminal and not changes_only:
        _live(events)
    else:
        _lines(events, output, limit)


Event = tuple[str, Any]
"""("sites", message), ("incidents", message), ("trouble", text), or ("", None) when a second passed without any."""


def _events(server: str, customer: str, wanted: str, changes_only: bool) -> Iterator[Event]:
    """Both streams, one event after the other."""
    from quivive.cli.following import followed
    from quivive.v1 import incident_pb2, incident_pb2_grpc, site_pb2, site_pb2_grpc

    arrived: queue.Queue[Event] = queue.Queue(maxsize=10_000)
    sites = site_pb2.WatchSitesRequest(customer=customer, filter=wanted, skip_snapshot=changes_only)
    incidents = incident_pb2.WatchIncidentsRequest(subject=customer, skip_snapshot=changes_only)
    streams: tuple[tuple[str, Callable[[Any], Any], Any], ...] = (
        ("sites", lambda channel: site_pb2_grpc.SiteServiceStub(channel).WatchSites, sites),
        ("incidents", lambda channel: incident_pb2_grpc.IncidentServiceStub(channel).WatchIncidents, incidents),
    )

    def follow(kind: str, method: Callable[[Any], Any], request: Any) -> None:
        try:
            for message in followed(server, method, request, lambda text: arrived.put(("trouble", text))):
                arrived.put((kind, message))
        except BaseException as error:
            arrived.put(("failed", error))

    for stream in streams:
        threading.Thread(target=follow, args=stream, daemon=True).start()
    while True:
        try:
            kind, event = arrived.get(timeout=REFRESH_S)
        except queue.Empty:
            yield "", None
            continue
        if kind == "failed":
            raise event
        yield kind, event


def _lines(events: Iterator[Event], output: Output, limit: int) -> None:
    """A line an event; the snapshot is told in one."""
    from quivive.cli.fleet import Fleet, change_records, line_of
    from quivive.cli.output import console

    fleet = Fleet()
    out = console()
    printed = 0
    for kind, event in events:
        if kind == "trouble" and event:
            print(event, file=sys.stderr)
        if kind not in ("sites", "incidents"):
            continue
        fleet.take(kind, event)
        records = change_records(kind, event)
        if event.HasField("snapshot_end"):
            records = [{"kind": "snapshot", "of": kind, "size": event.snapshot_end.size, **fleet.counts(kind)}]
        for record in records:
            if output is Output.JSON:
                print(json.dumps(record, ensure_ascii=False))
            else:
                out.print(line_of(record))
            sys.stdout.flush()
            printed += 1
            if printed == limit:
                return


def _live(events: Iterator[Event]) -> None:
    from rich.console import Console
    from rich.live import Live

    from quivive.cli.fleet import Fleet

    fleet = Fleet()
    out = Console(highlight=False)
    with Live(console=out, screen=True, auto_refresh=False) as live:
        for kind, event in events:
            if kind in ("sites", "incidents"):
                fleet.take(kind, event)
            elif kind == "trouble":
                fleet.trouble = event
            # A snapshot of thousands is drawn when it is whole.
            if kind == "" or fleet.complete:
                live.update(_view(fleet, out.height), refresh=True)


def _view(fleet: "Fleet", height: int) -> Any:
    from quivive.cli.fleet_view import view

    return view(fleet, height)
