"""`quivive maintenance` and `quivive silence`"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import (
    DEFAULT_SERVER,
    CustomerOption,
    Output,
    OutputOption,
    ServerOption,
    SiteArgument,
    SiteOption,
    resource_name,
)
from quivive.cli.windows import parse_instant

app = typer.Typer(help="Announced work: mutes pages, and is subtracted from figures.", no_args_is_help=True)
silences = typer.Typer(help="Mutes pages for a while, and changes no figure.", no_args_is_help=True)

ALL = "customers/-"
MAX_ICAL_BYTES = 256 * 1024


@app.command("list")
def list_maintenance(
    site: SiteOption = "",
    customer: CustomerOption = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List announcements, and when each is next."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import maintenance_record
    from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

    request = maintenance_pb2.ListMaintenanceRequest(parent=_subject(site, customer), page_size=PAGE)
    with connected(server) as channel:
        stub = maintenance_pb2_grpc.MaintenanceServiceStub(channel)

        def call(token: str) -> maintenance_pb2.ListMaintenanceResponse:
            request.page_token = token
            return stub.ListMaintenance(request, timeout=TIMEOUT_S)

        records = [maintenance_record(item) for page in pages(call) for item in page.maintenance]
    show(
        output,
        records,
        lambda: print_table(
            ["maintenance", "when", "next from", "next to"],
            [
                (
                    record["name"],
                    record["cron"] or record["start_time"] or "iCalendar",
                    record["next_start_time"],
                    record["next_end_time"],
                )
                for record in records
            ],
            empty="No maintenance is announced.",
        ),
    )


@app.command("add")
def add_maintenance(
    site: SiteArgument,
    start: Annotated[str, typer.Option("--start", help="2026-03-01T22:00:00+01:00; `now`.")] = "",
    cron: Annotated[str, typer.Option("--cron", help='In the customer\'s zone: "0 3 * * SUN".')] = "",
    ical: Annotated[Path | None, typer.Option("--ical", help="An iCalendar file whose events are the windows.")] = None,
    duration: Annotated[str, typer.Option("--duration", help="How long, with --start or --cron: 2h.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Announce work on a site."""
    from uuid import uuid4

    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import show
    from quivive.cli.records import maintenance_record
    from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

    if sum(map(bool, (start, cron, ical))) != 1:
        raise Failure("give one of --start, --cron and --ical", EXIT_USAGE)
    if bool(duration) == bool(ical):
        raise Failure("--duration goes with --start and --cron, and is needed there", EXIT_USAGE)
    window = maintenance_pb2.MaintenanceWindow(cron=cron, ical=_read(ical) if ical else "")
    if start:
        window.start_time.FromDatetime(datetime.now(UTC) if start == "now" else parse_instant("--start", start))
    if duration:
        window.duration.FromTimedelta(_duration("--duration", duration))
    request = maintenance_pb2.CreateMaintenanceRequest(
        parent=resource_name("sites", site), window=window, request_id=str(uuid4())
    )
    with connected(server) as channel:
        answer = maintenance_pb2_grpc.MaintenanceServiceStub(channel).CreateMaintenance(request, timeout=TIMEOUT_S)
    record = maintenance_record(answer)
    span = f"{record['next_start_time'] or 'never'} to {record['next_end_time'] or 'never'}"
    show(output, record, lambda: print(f"Announced {record['name']}; next: {span}"))


@app.command("remove")
def remove_maintenance(
    name: Annotated[str, typer.Argument(metavar="NAME", help="sites/x/maintenance/y, as the list prints it.")],
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Take an announcement back from now on."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

    request = maintenance_pb2.DeleteMaintenanceRequest(name=name)
    with connected(server) as channel:
        maintenance_pb2_grpc.MaintenanceServiceStub(channel).DeleteMaintenance(request, timeout=TIMEOUT_S)
    print(f"Removed {name}.")


@silences.command("list")
def list_silences(
    site: SiteOption = "",
    customer: CustomerOption = "",
    everything: Annotated[bool, typer.Option("--all", help="Those that are over or still to come, too.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List silences, the newest first."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import silence_record
    from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

    request = maintenance_pb2.ListSilencesRequest(
        subject=_subject(site, customer), active_only=not everything, page_size=PAGE
    )
    with connected(server) as channel:
        stub = maintenance_pb2_grpc.SilenceServiceStub(channel)

        def call(token: str) -> maintenance_pb2.ListSilencesResponse:
            request.page_token = token
            return stub.ListSilences(request, timeout=TIMEOUT_S)

        records = [silence_record(silence) for page in pages(call) for silence in page.silences]
    show(
        output,
        records,
        lambda: print_table(
            ["silence", "of", "from", "to", "ended", "by", "reason"],
            [
                (
                    record["name"].removeprefix("silences/"),
                    "all sites" if record["subject"] == ALL else record["subject"],
                    *(record[key] for key in ("start_time", "end_time", "delete_time", "person", "reason")),
                )
                for record in records
            ],
            empty="Nothing is silenced.",
        ),
    )


@silences.command("add")
def add_silence(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="sites/x (or just x), customers/x, or `all`.")],
    length: Annotated[str, typer.Option("--for", help="How long, 2h; at most 90d.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; shown.")],
    start: Annotated[str, typer.Option("--start", help="2026-03-01T22:00:00+01:00 [default: now].")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Page nobody about a site, a customer's sites or all sites for a while."""
    from uuid import uuid4

    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import show
    from quivive.cli.records import silence_record
    from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

    begin = parse_instant("--start", start) if start else datetime.now(UTC)
    name = ALL if subject == "all" else subject if subject.startswith("customers/") else resource_name("sites", subject)
    silence = maintenance_pb2.Silence(subject=name, reason=reason)
    silence.end_time.FromDatetime(begin + _duration("--for", length))
    if start:
        silence.start_time.FromDatetime(begin)
    request = maintenance_pb2.CreateSilenceRequest(silence=silence, request_id=str(uuid4()))
    with connected(server) as channel:
        answer = maintenance_pb2_grpc.SilenceServiceStub(channel).CreateSilence(request, timeout=TIMEOUT_S)
    record = silence_record(answer)
    show(output, record, lambda: print(f"Nobody is paged about {subject} until {record['end_time']}: {record['name']}"))


@silences.command("remove")
def remove_silence(
    silence: Annotated[str, typer.Argument(metavar="ID", help="As the list prints it.")],
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """End a silence now; what is still DOWN pages."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

    request = maintenance_pb2.DeleteSilenceRequest(name=resource_name("silences", silence))
    with connected(server) as channel:
        maintenance_pb2_grpc.SilenceServiceStub(channel).DeleteSilence(request, timeout=TIMEOUT_S)
    print(f"Ended {request.name}.")


def _subject(site: str, customer: str) -> str:
    if site and customer:
        raise Failure("give --site or --customer, not both", EXIT_USAGE)
    return resource_name("sites", site) if site else resource_name("customers", customer) if customer else ""


def _duration(option: str, text: str) -> timedelta:
    from quivive.configuration.durations import parse_duration

    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise Failure(f"{option}: {error}", EXIT_USAGE) from None


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_ICAL_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: cannot be read: {error}", EXIT_USAGE) from None
    if len(text) > MAX_ICAL_BYTES:
        raise Failure(f"{path}: is larger than {MAX_ICAL_BYTES // 1024} KiB", EXIT_USAGE)
    return text
