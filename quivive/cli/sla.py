"""`quivive sla`"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name
from quivive.cli.output import Record
from quivive.cli.windows import DEFAULT_WINDOW, Window, parse_window


def sla(
    subject: Annotated[str, typer.Argument(help="sites/x (or just x), or customers/x.")],
    window: Annotated[str, typer.Option("--window", help=f"Up to now, for so long [default: {DEFAULT_WINDOW}].")] = "",
    start: Annotated[str, typer.Option("--start", help="From here on, ISO 8601; UTC when it has no offset.")] = "",
    end: Annotated[str, typer.Option("--end", help="Up to here, exclusive; without it, up to now.")] = "",
    month: Annotated[str, typer.Option("--month", help="A calendar month in the customer's zone, 2026-03.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show availability, its bounds and what they are made of, the worst site first."""
    span = parse_window(window, start, end, month, datetime.now(UTC))
    of_customer = subject.startswith("customers/")
    name = resource_name("customers" if of_customer else "sites", subject)
    answer = _query(name, span, server)
    if output is Output.JSON:
        from quivive.cli.output import print_json

        print_json(_customer_json(name, answer) if of_customer else _site_json(answer))
    else:
        _print(answer)


def _query(name: str, span: Window, server: str) -> Record:
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.records import figure_record, time_text
    from quivive.v1 import sla_pb2, sla_pb2_grpc

    request = sla_pb2.QuerySlaRequest(subject=name, month=span.month)
    if span.start is not None:
        request.start_time.FromDatetime(span.start)
    if span.end is not None:
        request.end_time.FromDatetime(span.end)
    with connected(server) as channel:
        answer = sla_pb2_grpc.SlaServiceStub(channel).QuerySla(request, timeout=TIMEOUT_S)
    return {
        "start_time": time_text(answer, "start_time"),
        "end_time": time_text(answer, "end_time"),
        "mean_availability": answer.mean_availability if answer.HasField("mean_availability") else None,
        "sites": [figure_record(figure) for figure in answer.figures],
    }


def _customer_json(name: str, answer: Record) -> Record:
    return {"customer": name, **answer}


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
    if len(answer["sites"]) > 1:
        print(f"Mean of the sites: {_percent(answer['mean_availability'])}")


def _percent(ratio: float | None) -> str:
    """Cut, not rounded: 99.9996 % is not 100 %."""
    return "-" if ratio is None else f"{int(ratio * 10**5) / 10**3:.3f} %"


def _span(seconds: float) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours:.0f}h{minutes:02.0f}min"
    return f"{minutes:.0f}min{int(rest):02d}s" if minutes else f"{rest:.1f}s"
