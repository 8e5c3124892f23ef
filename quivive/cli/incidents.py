"""`quivive incident`"""

import sys
from itertools import islice
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_FAILED, EXIT_USAGE, Failure
from quivive.cli.options import (
    DEFAULT_SERVER,
    CustomerOption,
    IncidentArgument,
    Output,
    OutputOption,
    ServerOption,
    SiteOption,
    resource_name,
)

app = typer.Typer(help="Confirmed outages.", no_args_is_help=True)


@app.command("list")
def list_incidents(
    site: SiteOption = "",
    customer: CustomerOption = "",
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are still open.")] = False,
    wanted: Annotated[
        str, typer.Option("--filter", help="As in `state = OPEN AND acknowledged = false AND tag = shop`.")
    ] = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when a listed one is open.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")] = 1000,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List incidents, the newest start first."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import incident_record
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    if site and customer:
        raise Failure("give --site or --customer, not both", EXIT_USAGE)
    subject = resource_name("sites", site) if site else resource_name("customers", customer) if customer else ""
    request = incident_pb2.ListIncidentsRequest(
        page_size=min(PAGE, limit), subject=subject, open_only=open_only, filter=wanted
    )
    with connected(server) as channel:
        stub = incident_pb2_grpc.IncidentServiceStub(channel)

        def call(token: str) -> incident_pb2.ListIncidentsResponse:
            request.page_token = token
            return stub.ListIncidents(request, timeout=TIMEOUT_S)

        incidents = (incident for page in pages(call) for incident in page.incidents)
        records = [incident_record(incident) for incident in islice(incidents, limit)]
    if len(records) == limit:
        print(f"Stopped at --limit {limit}; there may be more.", file=sys.stderr)
    show(
        output,
        records,
        lambda: print_table(
            ["incident", "site", "state", "start", "confirmed", "acknowledged", "resolved", "cause", "regions"],
            [
                (
                    record["name"].removeprefix("incidents/"),
                    record["site"].removeprefix("sites/"),
                    record["state"],
                    record["start_time"],
                    record["confirm_time"],
                    record["acknowledge_time"],
                    record["resolve_time"],
                    record["cause"],
                    ", ".join(record["regions"]),
                )
                for record in records
            ],
            empty="No incident.",
        ),
    )
    if exit_code and any(record["state"] == "OPEN" for record in records):
        raise typer.Exit(EXIT_FAILED)


@app.command("show")
def show_incident(
    incident: IncidentArgument,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show one incident and what happened in it."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, print_table, show
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
    corrections = incident_corrections(answer)

    def table() -> None:
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
        if corrections:
            print()
            print_table(
                ["corrected at", "by", "counts", "responsibility", "reason"],
                [
                    (
                        correction["time"],
                        correction["author"],
                        "yes" if correction["counted"] else "no",
                        correction["responsibility"],
                        correction["reason"],
                    )
                    for correction in corrections
                ],
                empty="",
            )

    whole = {**record, "events": events, "corrections": corrections, "votes": votes, "evidence": evidence}
    show(output, whole, table)


@app.command("ack")
def acknowledge_incident(
    incident: IncidentArgument,
    person: Annotated[str, typer.Option("--person", help="Who takes care of it [default: the token's person].")] = "",
    comment: Annotated[str, typer.Option("--comment", "-m", help="Added to the incident.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Say that somebody takes care of it: escalation and the response clock stop."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import show
    from quivive.cli.records import incident_record
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    request = incident_pb2.AcknowledgeIncidentRequest(
        name=resource_name("incidents", incident), person=person, comment=comment
    )
    with connected(server) as channel:
        answer = incident_pb2_grpc.IncidentServiceStub(channel).AcknowledgeIncident(request, timeout=TIMEOUT_S)
    record = incident_record(answer)
    who = f" by {record['acknowledge_person']}" if record["acknowledge_person"] else ""
    show(output, record, lambda: print(f"Acknowledged{who} at {record['acknowledge_time']}: {record['name']}"))


@app.command("comment")
def comment_on_incident(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="At most 2,000 characters.")],
    public: Annotated[bool, typer.Option("--public", help="For the customer's pages, too.")] = False,
    person: Annotated[str, typer.Option("--person", help="Who says so [default: the token's person].")] = "",
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Add words to an incident."""
    from uuid import uuid4

    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    request = incident_pb2.CommentIncidentRequest(
        name=resource_name("incidents", incident), text=text, public=public, person=person, request_id=str(uuid4())
    )
    with connected(server) as channel:
        answer = incident_pb2_grpc.IncidentServiceStub(channel).CommentIncident(request, timeout=TIMEOUT_S)
    print(f"Added to {answer.name}" + (", for the customer, too." if public else "."))


@app.command("correct")
def correct_incident(
    incident: IncidentArgument,
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
