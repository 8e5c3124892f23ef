"""`quivive token` and `quivive audit`"""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.names import complete_customer
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, YesOption, agreed, resource_name
from quivive.cli.windows import parse_instant

app = typer.Typer(help="Who may call the api.", no_args_is_help=True)
audit = typer.Typer(help="Who changed what.", no_args_is_help=True)


class TokenRole(StrEnum):
    OPERATOR = "operator"
    READER = "reader"
    CUSTOMER = "customer"


@app.command("create")
def create_token(
    person: Annotated[str, typer.Option("--person", help="Whose it is; written beside everything done with it.")],
    role: Annotated[TokenRole, typer.Option("--role", help="operator: everything; reader: see everything.")],
    customer: Annotated[
        str, typer.Option("--customer", help="With --role customer: whose.", autocompletion=complete_customer)
    ] = "",
    title: Annotated[str, typer.Option("--title", help="What it is for.")] = "",
    expires: Annotated[
        str, typer.Option("--expires", help="In 90d, or at 2027-01-01T00:00:00Z [default: never].")
    ] = "",
    file: Annotated[
        Path | None, typer.Option("-o", "--output-file", help="Write the secret here, mode 0600, instead of stdout.")
    ] = None,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Make a token. Its secret is shown once, here, and never again."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import token_pb2, token_pb2_grpc

    if bool(customer) != (role is TokenRole.CUSTOMER):
        raise Failure("--customer goes with --role customer, and is needed there", EXIT_USAGE)
    token = token_pb2.Token(
        role=token_pb2.Role.Value(f"ROLE_{role.name}"),
        customer=resource_name("customers", customer) if customer else "",
        person=person,
        title=title,
    )
    if expires:
        token.expire_time.FromDatetime(_instant(expires))
    with connected(server) as channel:
        stub = token_pb2_grpc.TokenServiceStub(channel)
        answer = stub.CreateToken(token_pb2.CreateTokenRequest(token=token), timeout=TIMEOUT_S)
    if file is None:
        print(answer.secret)
    else:
        from quivive.embedded.places import write_private

        try:
            write_private(file, f"{answer.secret}\n")
        except OSError as error:
            raise Failure(
                f"{file}: cannot be written: {error.strerror}; revoke {answer.token.name} and try again", EXIT_USAGE
            ) from None
    print(f"Made {answer.token.name} for {person}.", file=sys.stderr)


@app.command("list")
def list_tokens(
    ended: Annotated[bool, typer.Option("--all", help="Revoked and expired ones, too.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List tokens, never with their secrets."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import token_record
    from quivive.v1 import token_pb2, token_pb2_grpc

    request = token_pb2.ListTokensRequest(show_ended=ended, page_size=PAGE)
    with connected(server) as channel:
        stub = token_pb2_grpc.TokenServiceStub(channel)

        def call(token: str) -> token_pb2.ListTokensResponse:
            request.page_token = token
            return stub.ListTokens(request, timeout=TIMEOUT_S)

        records = [token_record(token) for page in pages(call) for token in page.tokens]
    show(
        output,
        records,
        lambda: print_table(
            ["token", "role", "customer", "person", "title", "made", "last used", "expires", "revoked"],
            [
                (
                    record["name"].removeprefix("tokens/"),
                    record["role"],
                    record["customer"],
                    *(record[key] for key in ("person", "title", "create_time", "last_use_time")),
                    *(record[key] for key in ("expire_time", "revoke_time")),
                )
                for record in records
            ],
            empty="There is no token.",
        ),
    )


@app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(metavar="PREFIX", help="As the list prints it.")],
    yes: YesOption = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """End a token; it is refused within 5 s."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import token_pb2, token_pb2_grpc

    name = resource_name("tokens", token)
    agreed(f"Refuse {name} from now on?", yes=yes, undone="nothing was revoked")
    with connected(server) as channel:
        stub = token_pb2_grpc.TokenServiceStub(channel)
        stub.RevokeToken(token_pb2.RevokeTokenRequest(name=name), timeout=TIMEOUT_S)
    print(f"Revoked {name}.")


@app.command("whoami")
def whoami(output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """Say which server this is, and as whom it knows you."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, show
    from quivive.cli.records import role_text
    from quivive.cli.servers import chosen
    from quivive.v1 import token_pb2, token_pb2_grpc

    target = chosen(server)
    with connected(server) as channel:
        answer = token_pb2_grpc.TokenServiceStub(channel).GetCaller(token_pb2.GetCallerRequest(), timeout=TIMEOUT_S)
    record = {
        "server": target.address,
        "server_version": answer.server_version,
        "tls": target.tls,
        "profile": target.profile.name or None,
        "person": answer.person,
        "role": role_text(answer.role),
        "customer": answer.customer or None,
        "token": answer.token or None,
    }
    show(output, record, lambda: print_fields((key.replace("_", " "), value) for key, value in record.items()))


@audit.command("list")
def list_audit(
    resource: Annotated[str, typer.Option("--resource", help="Only what was done to it: sites/x.")] = "",
    person: Annotated[str, typer.Option("--person", help="Only what this person did.")] = "",
    start: Annotated[str, typer.Option("--start", help="From here on.")] = "",
    end: Annotated[str, typer.Option("--end", help="Before this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")] = 100,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List what was changed, by whom, the newest first."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import audit_record
    from quivive.v1 import audit_pb2, audit_pb2_grpc

    request = audit_pb2.ListAuditEntriesRequest(page_size=min(PAGE, limit), resource=resource, person=person)
    if start:
        request.start_time.FromDatetime(parse_instant("--start", start))
    if end:
        request.end_time.FromDatetime(parse_instant("--end", end))
    with connected(server) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)

        def call(token: str) -> audit_pb2.ListAuditEntriesResponse:
            request.page_token = token
            return stub.ListAuditEntries(request, timeout=TIMEOUT_S)

        entries = (entry for page in pages(call) for entry in page.entries)
        records = [audit_record(entry) for entry in islice(entries, limit)]
    show(
        output,
        records,
        lambda: print_table(
            ["time", "person", "what", "to", "token", "from"],
            [
                (
                    record["time"],
                    record["person"],
                    record["method"].rpartition("/")[2],
                    record["resource"],
                    record["token"],
                    record["peer"],
                )
                for record in records
            ],
            empty="Nothing was changed.",
        ),
    )


def _instant(text: str) -> datetime:
    """At a time, or so long from now."""
    from quivive.configuration.durations import parse_duration

    try:
        return datetime.now(UTC) + parse_duration(text)
    except (ValueError, OverflowError):
        return parse_instant("--expires", text)
