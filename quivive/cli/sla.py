"""`quivive sla`"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from quivive.cli.failures import EXIT_FAILED, EXIT_USAGE, Failure
from quivive.cli.names import complete_site
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, SiteArgument, resource_name
from quivive.cli.output import Record
from quivive.cli.windows import DEFAULT_WINDOW, Window, parse_window


class Granularity(StrEnum):
    """What the window is cut into, on the wall clock of the customer's zone."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def sla(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SUBJECT...",
            help="sites/x (or just x), customers/x, or customers/- for every site.",
            autocompletion=complete_site,
        ),
    ] = None,
    tag: Annotated[str, typer.Option("--tag", help="Every site with this tag.")] = "",
    window: Annotated[str, typer.Option("--window", help=f"Up to now, for so long [default: {DEFAULT_WINDOW}].")] = "",
    start: Annotated[str, typer.Option("--start", help="From here on, ISO 8601; UTC when it has no offset.")] = "",
    end: Annotated[str, typer.Option("--end", help="Up to here, exclusive; without it, up to now.")] = "",
    month: Annotated[str, typer.Option("--month", help="A calendar month in the customer's zone, 2026-03.")] = "",
    granularity: Annotated[
        Granularity | None, typer.Option("--granularity", help="Show the window's parts, in the customer's zone, too.")
    ] = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="Show latency percentiles by region and phase instead; of one site.")
    ] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show availability, its bounds and what they are made of, the worst site first."""
    span = parse_window(window, start, end, month, datetime.now(UTC))
    names = [_subject(subject) for subject in subjects or ()]
    if not names and not tag:
        raise Failure("name a SUBJECT or --tag", EXIT_USAGE)
    if latency:
        if len(names) != 1 or tag:
            raise Failure("--latency is of one site", EXIT_USAGE)
        _show_latency(names[0], span, output, server)
        return
    from quivive.cli.output import show

    if len(names) > 1 or tag:
        answers = _query_many(names, tag, span, granularity, server)
        show(output, answers, lambda: _print_many(answers))
        return
    answer = _query(names[0], span, granularity, server)
    of_customer = names[0].startswith("customers/")
    record = {"customer": names[0], **answer} if of_customer else _site_json(answer)
    # A row a site, or a row a part of the window: that is what a sheet is made for.
    rows: list[Record] = answer["sites"] if of_customer else record["buckets"] or [record]
    show(output, rows if output is Output.CSV else record, lambda: _print(answer))


def _subject(text: str) -> str:
    return resource_name("customers" if text.startswith("customers/") else "sites", text)


def _query_many(names: list[str], tag: str, span: Window, granularity: Granularity | None, server: str) -> list[Record]:
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.records import figure_record, time_text
    from quivive.v1 import sla_pb2, sla_pb2_grpc

    request = sla_pb2.BatchQuerySlaRequest(subjects=names, tag=tag, month=span.month)
    _fill(request, span, granularity)
    with connected(server) as channel:
        answer = sla_pb2_grpc.SlaServiceStub(channel).BatchQuerySla(request, timeout=TIMEOUT_S)
    return [
        {
            "subject": item.subject,
            "start_time": time_text(item, "start_time"),
            "end_time": time_text(item, "end_time"),
            "mean_availability": item.mean_availability if item.HasField("mean_availability") else None,
            "sites": [figure_record(figure) for figure in item.figures],
        }
        for item in answer.subjects
    ]


def _fill(request: Any, span: Window, granularity: Granularity | None) -> None:
    from quivive.v1 import sla_pb2

    if granularity is not None:
        request.granularity = sla_pb2.Granularity.Value(f"GRANULARITY_{granularity.name}")
    if span.start is not None:
        request.start_time.FromDatetime(span.start)
    if span.end is not None:
        request.end_time.FromDatetime(span.end)


def _query(name: str, span: Window, granularity: Granularity | None, server: str) -> Record:
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.records import figure_record, time_text
    from quivive.v1 import sla_pb2, sla_pb2_grpc

    request = sla_pb2.QuerySlaRequest(subject=name, month=span.month)
    _fill(request, span, granularity)
    with connected(server) as channel:
        answer = sla_pb2_grpc.SlaServiceStub(channel).QuerySla(request, timeout=TIMEOUT_S)
    return {
        "start_time": time_text(answer, "start_time"),
        "end_time": time_text(answer, "end_time"),
        "mean_availability": answer.mean_availability if answer.HasField("mean_availability") else None,
        "sites": [figure_record(figure) for figure in answer.figures],
    }


def _site_json(answer: Record) -> Record:
    (figure,) = answer["sites"]
    return {"start_time": answer["start_time"], "end_time": answer["end_time"], **figure}


def _print(answer: Record) -> None:
    from quivive.cli.output import print_table

    print(f"{answer['start_time']} to {answer['end_time']}")
    print_table(
        ["site", "availability", "bounds", "completeness", "down", "unknown", "partial", "maintenance", "incidents"],
        [
            (
                figure["site"].removeprefix("sites/"),
                _percent(figure["availability"]),
                f"{_percent(figure['lower_bound'])} to {_percent(figure['upper_bound'])}",
                _percent(figure["completeness"]),
                *(_span(figure[f"{state}_seconds"]) for state in ("down", "unknown", "partial", "maintenance")),
                figure["incidents"],
            )
            for figure in answer["sites"]
        ],
        empty="No site.",
    )
    if len(answer["sites"]) == 1:
        _print_parts(answer["sites"][0])
    if len(answer["sites"]) > 1:
        print(f"Mean of the sites: {_percent(answer['mean_availability'])}")


def _print_parts(figure: Record) -> None:
    """What belongs to one site only: its budget, times, responses, the other reading and the window's parts."""
    from quivive.cli.output import print_fields, print_table

    if figure["error_budget_seconds"] is not None:
        left = figure["error_budget_left_seconds"]
        print(
            f"Objective {_percent(figure['objective'])}: {_span(figure['error_budget_seconds'])} of outage allowed, "
            + (f"{_span(left)} left" if left >= 0 else f"{_span(-left)} too much")
        )
    times = figure["times"]
    if times and times["failures"]:
        shown = [f"{label} {_span(times[key])}" for key, label in _TIMES.items() if times[key] is not None]
        print("Mean times: " + ", ".join(shown))
    responses = figure["responses"]
    if responses and any(responses.values()):
        print("Responses: " + ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in responses.items()))
    if (corrected := figure["corrected"]) is not None:
        print(f"With what was said after the fact: {_percent(corrected['availability'])}")
        for span in figure["late_maintenance"]:
            print(f"  maintenance declared after it had begun: {span['start_time']} to {span['end_time']}")
        for incident in figure["excluded_incidents"]:
            print(f"  does not count: {incident}")
    if figure["buckets"]:
        print_fields([("availability", _picture(figure))])
        print_table(
            ["from", "availability", "completeness", "down", "unknown", "maintenance"],
            [
                (
                    bucket["start_time"],
                    _percent(bucket["availability"]),
                    _percent(bucket["completeness"]),
                    *(_span(bucket[f"{state}_seconds"]) for state in ("down", "unknown", "maintenance")),
                )
                for bucket in figure["buckets"]
            ],
            empty="",
        )


_TIMES = {
    "detect_seconds": "to detect",
    "acknowledge_seconds": "to acknowledge",
    "repair_seconds": "to repair",
    "between_failures_seconds": "between failures",
}


def _show_latency(name: str, span: Window, output: Output, server: str) -> None:
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_table, show
    from quivive.cli.records import latency_record
    from quivive.v1 import sla_pb2, sla_pb2_grpc

    request = sla_pb2.QueryLatencyRequest(subject=name, month=span.month)
    _fill(request, span, None)
    with connected(server) as channel:
        answer = sla_pb2_grpc.SlaServiceStub(channel).QueryLatency(request, timeout=TIMEOUT_S)
    records = [latency_record(figure) for figure in answer.figures]
    columns = ["p50_ms", "p90_ms", "p95_ms", "p99_ms"]
    show(
        output,
        records,
        lambda: print_table(
            ["check", "region", "phase", "attempts", *(column.replace("_", " ") for column in columns)],
            [
                (
                    record["check"].rpartition("/")[2],
                    record["region"],
                    record["phase"],
                    record["attempts"],
                    *(f"{record[column]:.1f}" for column in columns),
                )
                for record in records
            ],
            empty="No whole hour with a good attempt in it yet.",
        ),
    )


def _print_many(answers: list[Record]) -> None:
    """A line a site, subject by subject; with a granularity its parts as a picture."""
    from quivive.cli.output import print_table

    parts = any(figure["buckets"] for answer in answers for figure in answer["sites"])
    print_table(
        ["subject", "site", "availability", *(["parts"] if parts else ()), "bounds", "completeness", "down", "unknown"],
        [
            (
                answer["subject"],
                figure["site"].removeprefix("sites/"),
                _percent(figure["availability"]),
                *([_picture(figure)] if parts else ()),
                f"{_percent(figure['lower_bound'])} to {_percent(figure['upper_bound'])}",
                _percent(figure["completeness"]),
                *(_span(figure[f"{state}_seconds"]) for state in ("down", "unknown")),
            )
            for answer in answers
            for figure in answer["sites"]
        ],
        empty="No site.",
    )


def _picture(figure: Record) -> Any:
    from quivive.cli import sparks

    return sparks.availability([bucket["availability"] for bucket in figure["buckets"]])


def latency(
    site: SiteArgument,
    window: Annotated[str, typer.Option("--window", help=f"Up to now, for so long [default: {DEFAULT_WINDOW}].")] = "",
    start: Annotated[str, typer.Option("--start", help="From here on, ISO 8601; UTC when it has no offset.")] = "",
    end: Annotated[str, typer.Option("--end", help="Up to here, exclusive; without it, up to now.")] = "",
    month: Annotated[str, typer.Option("--month", help="A calendar month in the customer's zone, 2026-03.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show latency percentiles of a site by check, region and phase."""
    span = parse_window(window, start, end, month, datetime.now(UTC))
    _show_latency(resource_name("sites", site), span, output, server)


def targets(
    subject: Annotated[str, typer.Argument(help="sites/x (or just x) or customers/x.", autocompletion=complete_site)],
    window: Annotated[str, typer.Option("--window", help=f"Up to now, for so long [default: {DEFAULT_WINDOW}].")] = "",
    start: Annotated[str, typer.Option("--start", help="From here on, ISO 8601; UTC when it has no offset.")] = "",
    end: Annotated[str, typer.Option("--end", help="Up to here, exclusive; without it, up to now.")] = "",
    month: Annotated[str, typer.Option("--month", help="A calendar month in the customer's zone, 2026-03.")] = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when one was breached.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show how each paged incident stands to the promised response time."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_table, show
    from quivive.cli.records import target_record
    from quivive.v1 import sla_pb2, sla_pb2_grpc

    span = parse_window(window, start, end, month, datetime.now(UTC))
    request = sla_pb2.QueryResponseTargetsRequest(subject=_subject(subject), month=span.month)
    _fill(request, span, None)
    with connected(server) as channel:
        answer = sla_pb2_grpc.SlaServiceStub(channel).QueryResponseTargets(request, timeout=TIMEOUT_S)
    records = [target_record(target) for target in answer.targets]
    totals = {kind: getattr(answer.totals, kind) for kind in ("met", "breached", "not_due", "pending")}

    def table() -> None:
        print_table(
            ["incident", "site", "target", "paged", "due", "acknowledged", "standing"],
            [
                (
                    record["incident"].removeprefix("incidents/"),
                    record["site"].removeprefix("sites/"),
                    f"{record['target_seconds'] / 60:g}min",
                    *(record[key] for key in ("page_time", "due_time", "acknowledge_time", "standing")),
                )
                for record in records
            ],
            empty="Nobody was paged.",
        )
        if records:
            print(", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in totals.items()))

    show(output, records if output is Output.CSV else {"targets": records, "totals": totals}, table)
    if exit_code and totals["breached"]:
        raise typer.Exit(EXIT_FAILED)


def _percent(ratio: float | None) -> str:
    """Cut, not rounded: 99.9996 % is not 100 %."""
    return "-" if ratio is None else f"{int(ratio * 10**5) / 10**3:.3f} %"


def _span(seconds: float) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours:.0f}h{minutes:02.0f}min"
    return f"{minutes:.0f}min{int(rest):02d}s" if minutes else f"{rest:.1f}s"
