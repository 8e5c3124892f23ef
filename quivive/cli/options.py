"""Options that several commands share."""

from enum import StrEnum
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.names import complete_customer, complete_incident, complete_region, complete_site


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people; JSON, YAML or CSV for programs.")
]
ServerOption = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="QUIVIVE_SERVER",
        help="host:port of the api's gRPC; https://host:port for TLS. See `profile`.",
    ),
]
DEFAULT_SERVER = ""
"""The profile's, else LOCAL_SERVER."""
LOCAL_SERVER = "127.0.0.1:50051"

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
SiteArgument = Annotated[str, typer.Argument(metavar="SITE", help="x or sites/x.", autocompletion=complete_site)]
CustomerArgument = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="x or customers/x.", autocompletion=complete_customer)
]
IncidentArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As the list prints it.", autocompletion=complete_incident)
]
RegionArgument = Annotated[
    str, typer.Argument(metavar="REGION", help="x or regions/x.", autocompletion=complete_region)
]
SiteOption = Annotated[str, typer.Option("--site", help="Only this site's.", autocompletion=complete_site)]
CustomerOption = Annotated[
    str, typer.Option("--customer", help="Only this customer's.", autocompletion=complete_customer)
]


def resource_name(collection: str, text: str) -> str:
    """`sites/x` from `x` or `sites/x`. Failure for anything else."""
    parts = text.split("/")
    if len(parts) == 1 and parts[0]:
        return f"{collection}/{text}"
    if len(parts) == 2 and parts[0] == collection and parts[1]:
        return text
    raise Failure(f"{text!r} is not the name of one of the {collection}: write x or {collection}/x", EXIT_USAGE)


def check_name(text: str) -> str:
    """`sites/x` or `sites/x/checks/y` from x, x/y, sites/x or the whole name. Failure for anything else."""
    parts = [part for part in text.split("/") if part not in ("sites", "checks")]
    if len(parts) == 1 and parts[0]:
        return f"sites/{parts[0]}"
    if len(parts) == 2 and all(parts):
        return f"sites/{parts[0]}/checks/{parts[1]}"
    raise Failure(f"{text!r} names no check: write SITE, SITE/CHECK or sites/x/checks/y", EXIT_USAGE)


def agreed(question: str, *, yes: bool, undone: str) -> None:
    """Go on if somebody says so; Failure with `undone` when nobody does."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{undone}: nobody is here to ask, so give --yes", EXIT_USAGE)
    if not typer.confirm(question):
        raise Failure(undone)
