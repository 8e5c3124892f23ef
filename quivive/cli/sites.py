"""`quivive site`"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quivive.cli.failures import EXIT_FAILED, EXIT_USAGE, Failure
from quivive.cli.names import complete_customer
from quivive.cli.options import (
    DEFAULT_SERVER,
    CustomerOption,
    Output,
    OutputOption,
    ServerOption,
    SiteArgument,
    YesOption,
    agreed,
    check_name,
    resource_name,
)

if TYPE_CHECKING:
    import grpc
    from rich.text import Text

    from quivive.cli.output import Record

app = typer.Typer(help="Watched sites and their present state.", no_args_is_help=True)

HISTORY_DAYS = 30
BATCH = 200
"""Subjects of one call for figures."""


@app.command("list")
def list_sites(
    customer: CustomerOption = "",
    tag: Annotated[str, typer.Option("--tag", help="Only those with this tag.")] = "",
    state: Annotated[str, typer.Option("--state", help="UP, DOWN, PARTIAL_OUTAGE, UNKNOWN or PAUSED.")] = "",
    wanted: Annotated[str, typer.Option("--filter", help="As in `state = DOWN AND tag = shop`, `url : bakery`.")] = "",
    order_by: Annotated[str, typer.Option("--order-by", help="name, customer, url, state, ...; with ` desc`.")] = "",
    history: Annotated[
        bool, typer.Option("--history", help=f"Show the last {HISTORY_DAYS} days, a mark a day.")
    ] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when a listed site is DOWN.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List sites by name."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import site_record
    from quivive.v1 import site_pb2, site_pb2_grpc

    terms = [wanted] if wanted else []
    terms += [f'tag = "{_quotable("--tag", tag)}"'] if tag else []
    terms += [f"state = {_word('--state', state)}"] if state else []
    request = site_pb2.ListSitesRequest(
        page_size=PAGE,
        customer=resource_name("customers", customer) if customer else "",
        filter=" AND ".join(terms),
        order_by=order_by,
    )
    with connected(server) as channel:
        stub = site_pb2_grpc.SiteServiceStub(channel)

        def call(token: str) -> site_pb2.ListSitesResponse:
            request.page_token = token
            return stub.ListSites(request, timeout=TIMEOUT_S)

        records = [site_record(site) for page in pages(call) for site in page.sites]
        days = _history(channel, [record["name"] for record in records]) if history else {}

    def row(record: "Record") -> Sequence[object]:
        return (
            record["name"].removeprefix("sites/"),
            record["state"],
            *([days.get(record["name"])] if history else ()),
            record["state_time"],
            record["customer"].removeprefix("customers/"),
            record["url"],
        )

    columns = ["site", "state", *(["days"] if history else ()), "since", "customer", "url"]
    show(
        output,
        records,
        lambda: print_table(columns, map(row, records), empty="No site is declared: see quivive apply."),
    )
    if exit_code and any(record["state"] == "DOWN" for record in records):
        raise typer.Exit(EXIT_FAILED)


@app.command("show")
def show_site(
    site: SiteArgument,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when it is DOWN.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show one site: its checks, its last days and its last attempts."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, print_table, show
    from quivive.cli.records import result_record, site_record
    from quivive.v1 import result_pb2, result_pb2_grpc, site_pb2, site_pb2_grpc

    name = resource_name("sites", site)
    with connected(server) as channel:
        record = site_record(
            site_pb2_grpc.SiteServiceStub(channel).GetSite(site_pb2.GetSiteRequest(name=name), timeout=TIMEOUT_S)
        )
        results, days = [], {}
        if output is Output.TABLE:
            days = _history(channel, [name])
            request = result_pb2.ListResultsRequest(parent=name, page_size=200)
            answer = result_pb2_grpc.ResultServiceStub(channel).ListResults(request, timeout=TIMEOUT_S)
            results = [result_record(result) for result in answer.results]

    def table() -> None:
        shown = ("name", "state", "state_time", "customer", "url", "tags", "paused", "last_incident")
        print_fields(
            (field.replace("_", " "), ", ".join(record[field]) if isinstance(record[field], list) else record[field])
            for field in shown
        )
        print_fields([(f"last {HISTORY_DAYS} days", days.get(name)), *_attempts(results)])
        print()
        print_table(
            ["check", "type", "state", "since", "critical", "interval", "regions", "target"],
            [
                (
                    check["name"].rpartition("/")[2],
                    check["type"],
                    check["state"],
                    check["state_time"],
                    "yes" if check["critical"] else "no",
                    f"{check['interval_seconds']:g}s",
                    ", ".join(check["regions"]),
                    check["target"],
                )
                for check in record["checks"]
            ],
            empty="It has no check.",
        )

    show(output, record, table)
    if exit_code and record["state"] == "DOWN":
        raise typer.Exit(EXIT_FAILED)


@app.command("add")
def add_site(
    url: Annotated[str, typer.Argument(help="Its address; https:// when it names no scheme.")],
    customer: Annotated[str, typer.Option("--customer", help="Whose it is.", autocompletion=complete_customer)],
    id_: Annotated[str, typer.Option("--id", help="Its id [default: made from the host].")] = "",
    interval: Annotated[str, typer.Option("--interval", help="How often to look, 30s [default: the plan's].")] = "",
    timeout: Annotated[str, typer.Option("--timeout", help="Of one attempt [default: 10s].")] = "",
    regions: Annotated[str, typer.Option("--regions", help="a,b,c [default: all].")] = "",
    contains: Annotated[str, typer.Option("--contains", help="Text that must be on the page.")] = "",
    excludes: Annotated[str, typer.Option("--excludes", help="Text that must not be on the page.")] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", help="May be given several times.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="wordpress adds the usual WordPress checks.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, create nothing.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Watch a site from now on."""
    from uuid import uuid4

    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import site_pb2, site_pb2_grpc

    site = site_pb2.Site(
        customer=resource_name("customers", customer),
        url=url if "://" in url else f"https://{url}",
        regions=[region.strip() for region in regions.split(",")] if regions else [],
        tags=tags or [],
        preset=preset,
    )
    if interval:
        site.interval.FromTimedelta(_duration("--interval", interval))
    if timeout:
        site.timeout.FromTimedelta(_duration("--timeout", timeout))
    if contains or excludes:
        site.expect.CopyFrom(site_pb2.Expectation(body_contains=contains, body_excludes=excludes))
    request = site_pb2.CreateSiteRequest(site_id=id_, site=site, request_id=str(uuid4()), validate_only=dry_run)
    with connected(server) as channel:
        answer = site_pb2_grpc.SiteServiceStub(channel).CreateSite(request, timeout=TIMEOUT_S)
    _tell(answer, output, "Would be watched" if dry_run else "Watched")


@app.command("pause")
def pause_site(site: SiteArgument, output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """Stop looking at a site; its open incidents are closed."""
    from quivive.v1 import site_pb2

    request = site_pb2.PauseSiteRequest(name=resource_name("sites", site))
    _tell(_call(server, lambda stub, limit: stub.PauseSite(request, timeout=limit)), output, "Paused")


@app.command("resume")
def resume_site(site: SiteArgument, output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """Look at a paused site again."""
    from quivive.v1 import site_pb2

    request = site_pb2.ResumeSiteRequest(name=resource_name("sites", site))
    _tell(_call(server, lambda stub, limit: stub.ResumeSite(request, timeout=limit)), output, "Resumed")


@app.command("delete")
def delete_site(site: SiteArgument, yes: YesOption = False, server: ServerOption = DEFAULT_SERVER) -> None:
    """Take a site out of the watch. Its history stays."""
    from quivive.v1 import site_pb2

    name = resource_name("sites", site)
    agreed(f"Stop watching {name}? Its history stays.", yes=yes, undone="nothing was deleted")
    _call(server, lambda stub, limit: stub.DeleteSite(site_pb2.DeleteSiteRequest(name=name), timeout=limit))
    print(f"Deleted {name}.")


@app.command("check")
def check_now(
    check: Annotated[str, typer.Argument(metavar="SITE[/CHECK]", help="x, x/checkout or sites/x/checks/y.")],
    regions: Annotated[str, typer.Option("--regions", help="a,b,c [default: all of the check's].")] = "",
    wait: Annotated[str, typer.Option("--wait", help="How long for answers, at most 30s.")] = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 unless every region saw it UP.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Let every region look now, and show what each saw."""
    from quivive.cli.output import print_table, show
    from quivive.cli.records import result_record
    from quivive.v1 import site_pb2

    request = site_pb2.CheckNowRequest(name=check_name(check), regions=regions.split(",") if regions else [])
    if wait:
        request.wait.FromTimedelta(_duration("--wait", wait))
    answer = _call(server, lambda stub, limit: stub.CheckNow(request, timeout=limit + 30))
    records = [result_record(result) for result in answer.results]
    silent = [{"region": region, "outcome": None} for region in answer.silent_regions]

    def table() -> None:
        print_table(
            ["region", "outcome", "cause", "status", "total", "first byte", "detail"],
            [
                *(
                    (
                        record["region"],
                        record["outcome"],
                        record["cause"],
                        record["http_status"],
                        f"{record['total_ms']:.0f} ms",
                        f"{record['first_byte_ms']:.0f} ms",
                        record["detail"],
                    )
                    for record in records
                ),
                *((item["region"], "no answer", None, None, None, None, None) for item in silent),
            ],
            empty="No region answered.",
        )

    show(output, [*records, *silent], table)
    if exit_code and (silent or not records or any(record["outcome"] != "UP" for record in records)):
        raise typer.Exit(EXIT_FAILED)


def _call(server: str, call: Any) -> Any:
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import site_pb2_grpc

    with connected(server) as channel:
        return call(site_pb2_grpc.SiteServiceStub(channel), TIMEOUT_S)


def _tell(site: Any, output: Output, done: str) -> None:
    from quivive.cli.output import show
    from quivive.cli.records import site_record

    record = site_record(site)
    show(output, record, lambda: print(f"{done}: {record['name'] or 'the site'} ({record['url']})"))


def _history(channel: "grpc.Channel", names: Sequence[str]) -> "dict[str, Text]":
    """Each site's availability by day, as a small picture."""
    from quivive.cli import sparks
    from quivive.cli.connection import TIMEOUT_S
    from quivive.v1 import sla_pb2, sla_pb2_grpc

    stub = sla_pb2_grpc.SlaServiceStub(channel)
    pictures: dict[str, Text] = {}
    for first in range(0, len(names), BATCH):
        request = sla_pb2.BatchQuerySlaRequest(
            subjects=names[first : first + BATCH], granularity=sla_pb2.GRANULARITY_DAY
        )
        request.start_time.FromDatetime(datetime.now(UTC) - timedelta(days=HISTORY_DAYS))
        for subject in stub.BatchQuerySla(request, timeout=TIMEOUT_S).subjects:
            for figure in subject.figures:
                pictures[figure.site] = sparks.availability(
                    [
                        bucket.reading.availability if bucket.reading.HasField("availability") else None
                        for bucket in figure.buckets
                    ]
                )
    return pictures


def _attempts(results: "list[Record]") -> "Iterable[tuple[str, Text]]":
    """Each region's last attempts as a small picture, the newest at the right."""
    from quivive.cli import sparks

    for region in sorted({result["region"] for result in results}):
        own = [result for result in results if result["region"] == region][:HISTORY_DAYS]
        times = [result["total_ms"] if result["outcome"] == "UP" else None for result in reversed(own)]
        last = next((f" {value:.0f} ms" for value in reversed(times) if value is not None), "")
        yield f"from {region}", sparks.latency(times).append(last, "")


def _duration(option: str, text: str) -> timedelta:
    from quivive.configuration.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise Failure(f"{option}: {error}", EXIT_USAGE) from None


def _quotable(option: str, text: str) -> str:
    if '"' in text or "\\" in text:
        raise Failure(f"{option}: {text!r} has a quote or a backslash in it", EXIT_USAGE)
    return text


def _word(option: str, text: str) -> str:
    if not text.replace("_", "").isalpha():
        raise Failure(f"{option}: {text!r} is not a state", EXIT_USAGE)
    return text.upper()
