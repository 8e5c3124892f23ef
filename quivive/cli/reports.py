"""`quivive report`"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import DEFAULT_SERVER, ServerOption, resource_name
from quivive.cli.windows import parse_month


def report(
    customer: Annotated[str, typer.Argument(help="x or customers/x.")],
    month: Annotated[str, typer.Option("--month", help="A calendar month in the customer's zone, 2026-03.")],
    file: Annotated[Path | None, typer.Option("-o", "--output-file", help="Write it here instead of stdout.")] = None,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Write a customer's monthly report, one page of HTML in the customer's language."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import report_pb2, report_pb2_grpc

    request = report_pb2.RenderReportRequest(customer=resource_name("customers", customer), month=parse_month(month))
    with connected(server) as channel:
        answer = report_pb2_grpc.ReportServiceStub(channel).RenderReport(request, timeout=TIMEOUT_S)
    if file is None:
        sys.stdout.write(answer.html)
        return
    try:
        file.write_text(answer.html, "utf-8")
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror}", EXIT_USAGE) from None
    print(f"wrote {file}", file=sys.stderr)
