"""`quivive explain`"""

from typing import Annotated

import typer

from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, SiteArgument, resource_name
from quivive.cli.windows import parse_instant


def explain(
    site: SiteArgument,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="2026-03-01T03:12:00Z; by default now.")] = "",
    check: Annotated[str, typer.Option("--check", help="By default the site's first critical one.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Explain why a site was found as it was at a time, and why somebody was paged or not."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, print_table, show
    from quivive.cli.records import explanation_record
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    name = resource_name("sites", site)
    request = incident_pb2.ExplainVerdictRequest(name=f"{name}/checks/{check}" if check else name)
    if at:
        request.time.FromDatetime(parse_instant("--at", at))
    with connected(server) as channel:
        answer = incident_pb2_grpc.IncidentServiceStub(channel).ExplainVerdict(request, timeout=TIMEOUT_S)
    record = explanation_record(answer)

    def table() -> None:
        print(record["summary"])
        print()
        print_fields((field, record[field]) for field in ("check", "time", "state", "quorum"))
        print()
        print_table(
            ["time", "what", "detail"],
            [(step["time"], step["kind"], step["detail"]) for step in record["steps"]],
            empty="Nothing is recorded around that time.",
        )
        print()
        print_table(
            ["region", "vote", "standing", "since"],
            [(vote["region"], vote["vote"], vote["standing"], vote["end_time"]) for vote in record["votes"]],
            empty="No vote is recorded.",
        )

    show(output, record, table)
