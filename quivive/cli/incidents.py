"""`quivive incident`"""

import sys
from itertools import islice
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name

app = typer.Typer(help="Confirmed outages.", no_args_is_help=True)


@app.command("list")
def list_incidents(
    site: Annotated[str, typer.Option("--site", help="Only this site's.")] = "",
    customer: Annotated[str, typer.Option("--customer", help="Only this customer's.")] = "",
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are still open.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")] = 1000,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List incidents, the newest start first."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_json, print_table
    from quivive.cli.records import incident_record
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    if site and customer:
        raise Failure("give --site or --customer, not both", EXIT_USAGE)
    subject = resource_name("sites", site) if site else resource_name("customers", customer) if customer else ""
    request = incident_pb2.ListIncidentsRequest(page_size=min(PAGE, limit), subject=subject, open_only=open_only)
    with connected(server) as channel:
        stub = incident_pb2_grpc.IncidentServiceStub(channel)

        def call(token: str) -> incident_pb2.ListIncidentsResponse:
            request.page_token = token
            return stub.ListIncidents(request, timeout=TIMEOUT_S)

        incidents = (incident for page in pages(call) for incident in page.incidents)
        records = [incident_record(incident) for incident in islice(incidents, limit)]
    if len(records) == limit:
        print(f"Stopped at --limit {limit}; there may be more.", file=sys.stderr)
    if output is Output.JSON:
        print_json(records)
        return
    print_table(
        ["incident", "site", "state", "start", "confirmed", "resolved", "cause", "regions"],
        [
            (
                record["name"].removeprefix("incidents/"),
                record["site"].removeprefix("sites/"),
                record["state"],
                record["start_time"],
                record["confirm_time"],
                record["resolve_time"],
                record["cause"],
                ", ".join(record["regions"]),
            )
            for record in records
        ],
        empty="No incident.",
    )


@app.command("show")
def show_incident(
    incident: Annotated[str, typer.Argument(metavar="ID", help="As the list prints it.")],
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show one incident and what happened in it."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, print_json, print_table
    from quivive.cli.records import (
        incident_corrections,
        incident_events,
        incident_evidence,
        incident_record,
        vote_records,
    )
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    request = incident_pb2.GetIncidentRequest(name=resource_name("incidents", incident))
    with connected(server) as channel:
        answer = incident_pb2_grpc.IncidentServiceStub(channel).GetIncident(request, timeout=TIMEOUT_S)
    record, events = incident_record(answer), incident_events(answer)
    evidence, votes = incident_evidence(answer), vote_records(answer.votes)
    if output is Output.JSON:
        corrections = incident_corrections(answer)
        print_json({**record, "events": events, "corrections": corrections, "votes": votes, "evidence": evidence})
        return
    print_fields(
        (name.replace("_", " "), ", ".join(value) if isinstance(value, list) else value)
        for name, value in record.items()
        if name != "simulated" or value
    )
    print()
    print_table(
        ["time", "event", "detail"],
        [(event["time"], event["kind"], event["detail"]) for event in events],
        empty="No event is recorded.",
    )
    print()
    print_table(
        ["region", "vote", "standing", "since"],
        [(vote["region"], vote["vote"], vote["standing"], vote["end_time"]) for vote in votes],
        empty="No vote is recorded.",
    )
    print()
    print_table(
        ["seen at", "region", "cause", "status", "address", "detail"],
        [
            (item["end_time"], item["region"], item["cause"], item["http_status"], item["address"], item["detail"])
            for item in evidence
        ],
        empty="No evidence is recorded.",
    )


@app.command("correct")
def correct_incident(
    incident: Annotated[str, typer.Argument(metavar="ID", help="As the list prints it.")],
    counted: Annotated[
        bool, typer.Option("--counted/--not-counted", help="Whether the outage counts in the corrected figures.")
    ],
    author: Annotated[str, typer.Option("--author", help="Who says so; kept and shown.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept and shown.")],
    responsibility: Annotated[
        str, typer.Option("--responsibility", help="Whose it was: host, customer, agency, ... [default: as judged]")
    ] = "",
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Record what was found out about an incident later on. It stays as it was judged; figures show both readings."""
    from uuid import uuid4

    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import incident_pb2, incident_pb2_grpc, outcome_pb2

    request = incident_pb2.CorrectIncidentRequest(
        name=resource_name("incidents", incident),
        author=author,
        reason=reason,
        counted=counted,
        request_id=str(uuid4()),
    )
    if responsibility:
        words = {
            word.removeprefix("RESPONSIBILITY_").lower(): value
            for word, value in outcome_pb2.Responsibility.items()
            if value
        }
        if responsibility.lower() not in words:
            raise Failure(f"--responsibility: {responsibility!r} is none of {', '.join(words)}", EXIT_USAGE)
        request.responsibility = words[responsibility.lower()]
    with connected(server) as channel:
        answer = incident_pb2_grpc.IncidentServiceStub(channel).CorrectIncident(request, timeout=TIMEOUT_S)
    print(f"Recorded as correction {len(answer.corrections)} of {answer.name}.")
