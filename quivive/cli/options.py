"""Options that several commands share."""

from enum import StrEnum
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="A table for people, or JSON for programs.")]
ServerOption = Annotated[str, typer.Option("--server", envvar="QUIVIVE_SERVER", help="The api's gRPC, host:port.")]
DEFAULT_SERVER = "127.0.0.1:50051"


def resource_name(collection: str, text: str) -> str:
    """`sites/x` from `x` or `sites/x`. Failure for anything else."""
    parts = text.split("/")
    if len(parts) == 1 and parts[0]:
        return f"{collection}/{text}"
    if len(parts) == 2 and parts[0] == collection and parts[1]:
        return text
    raise Failure(f"{text!r} is not the name of one of the {collection}: write x or {collection}/x", EXIT_USAGE)
