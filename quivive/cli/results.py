"""`quivive result`"""

import json
import sys
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, check_name
from quivive.cli.windows import parse_instant

if TYPE_CHECKING:
    from quivive.cli.output import Record

app = typer.Typer(help="What single attempts saw.", no_args_is_help=True)

CheckArgument = Annotated[str, typer.Argument(metavar="SITE[/CHECK]", help="x, x/checkout or sites/x/checks/y.")]
RegionOption = Annotated[str, typer.Option("--region", help="Only what this region saw.")]
FailingOption = Annotated[bool, typer.Option("--failing", help="Only what was not UP.")]


@app.command("list")
def list_results(
    check: CheckArgument,
    region: RegionOption = "",
    failing: FailingOption = False,
    start: Annotated[str, typer.Option("--start", help="Slots from here on [default: the last hour].")] = "",
    end: Annotated[str, typer.Option("--end", help="Slots before this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")] = 100,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List stored results, the newest slot first."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import result_record
    from quivive.v1 import result_pb2, result_pb2_grpc

    request = result_pb2.ListResultsRequest(
        parent=check_name(check), region=region, failing_only=failing, page_size=min(PAGE, limit)
    )
    if start:
        request.start_time.FromDatetime(parse_instant("--start", start))
    if end:
        request.end_time.FromDatetime(parse_instant("--end", end))
    with connected(server) as channel:
        stub = result_pb2_grpc.ResultServiceStub(channel)

        def call(token: str) -> result_pb2.ListResultsResponse:
            request.page_token = token
            return stub.ListResults(request, timeout=TIMEOUT_S)

        results = (result for page in pages(call) for result in page.results)
        records = [result_record(result) for result in islice(results, limit)]
    show(
        output,
        records,
        lambda: print_table(
            ["slot", "region", "attempt", "outcome", "cause", "status", "total ms", *PHASES, "detail"],
            [
                (
                    *(record[key] for key in ("slot", "region", "attempt", "outcome", "cause", "http_status")),
                    record["total_ms"],
                    *(record[f"{phase}_ms"] for phase in PHASES),
                    record["detail"],
                )
                for record in records
            ],
            empty="No result.",
        ),
    )


PHASES = ("dns", "connect", "tls", "first_byte", "transfer")


@app.command("tail")
def tail_results(
    check: CheckArgument,
    region: RegionOption = "",
    failing: FailingOption = False,
    since: Annotated[str, typer.Option("--since", help="Begin so long ago, at most 1h [default: from now on].")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="Stop after so many [default: never].")] = 0,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Print results as they arrive; resumes by itself. --output json prints one object a line."""
    from quivive.cli.following import followed
    from quivive.cli.output import console
    from quivive.cli.records import result_record
    from quivive.v1 import result_pb2, result_pb2_grpc

    if output not in (Output.TABLE, Output.JSON):
        raise Failure("--output: a tail is a table or JSON lines", EXIT_USAGE)
    name = check if check.startswith("customers/") else check_name(check)
    request = result_pb2.TailResultsRequest(parent=name, region=region, failing_only=failing)
    if since:
        request.since.FromTimedelta(_duration(since))
    left = limit
    out = console()
    for message in followed(server, lambda channel: result_pb2_grpc.ResultServiceStub(channel).TailResults, request):
        for result in message.results:
            record = result_record(result)
            if output is Output.JSON:
                print(json.dumps(record, ensure_ascii=False))
            else:
                out.print(_line(record))
            sys.stdout.flush()
            left -= 1
            if left == 0:
                return


def _line(record: "Record") -> Any:
    from rich.text import Text

    from quivive.cli.output import cell

    line = Text()
    for value, width in (
        (record["end_time"], 25),
        (record["check"].removeprefix("sites/").replace("/checks/", "/"), 30),
        (record["region"], 12),
        (record["outcome"], 12),
        (f"{record['total_ms']:.0f} ms", 9),
        (record["cause"] or "", 0),
        (record["detail"] or "", 0),
    ):
        shown = cell(value)
        line.append_text(shown).append(" " * max(width - len(shown), 0) + " ")
    return line


def _duration(text: str) -> timedelta:
    from quivive.configuration.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise Failure(f"--since: {error}", EXIT_USAGE) from None
