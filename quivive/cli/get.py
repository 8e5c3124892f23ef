"""`quivive get`"""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.kinds import parse_kind
from quivive.cli.options import DEFAULT_SERVER, ServerOption


def _kinds(incomplete: str) -> list[str]:
    from quivive.configuration.validate import KINDS

    return [kind for kind in (*KINDS, "all") if kind.startswith(incomplete)]


class Form(StrEnum):
    YAML = "yaml"
    JSON = "json"
    CSV = "csv"
    TABLE = "table"


def get(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="sites, customers, plans, ... or all.", autocompletion=_kinds)
    ],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these.")] = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="YAML is what `quivive apply` reads.")] = Form.YAML,
    file: Annotated[Path | None, typer.Option("--output-file", help="Write it here instead of stdout.")] = None,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Print what is declared, as the configuration that declares it: applying it changes nothing."""
    from quivive.cli.output import as_csv, print_table
    from quivive.importing.written import as_yaml

    kinds = [] if kind == "all" else [parse_kind(kind)]
    if names and not kinds:
        raise Failure("names go with a single KIND", EXIT_USAGE)
    ids = [_id(kinds[0], name) for name in names or ()]
    data = declared(server, kinds, ids)
    items = [{"kind": key, **item} for key, found in data.items() for item in found]
    match output:
        case Form.YAML:
            _write(as_yaml(data) if data else "", file)
        case Form.JSON:
            _write(json.dumps(data, indent=2, ensure_ascii=False) + "\n", file)
        case Form.CSV:
            _write(as_csv(items), file)
        case Form.TABLE:
            print_table(
                ["kind", "id", "declared"],
                [(item["kind"], item["id"], _short(item)) for item in items],
                empty="Nothing is declared.",
            )


def declared(server: str, kinds: list[str], ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What the server has of these kinds, all without any; kinds with nothing in them are left out."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.configuration.validate import KINDS
    from quivive.v1 import configuration_pb2, configuration_pb2_grpc

    request = configuration_pb2.GetConfigurationRequest(kinds=kinds, ids=ids)
    with connected(server) as channel:
        stub = configuration_pb2_grpc.ConfigurationServiceStub(channel)
        found = json.loads(stub.GetConfiguration(request, timeout=TIMEOUT_S).configuration)
    return {kind: [_id_first(item) for item in found[kind]] for kind in (*KINDS, *found) if found.get(kind)}


def _id_first(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": item["id"], **item}


def _id(kind: str, text: str) -> str:
    """x of x or sites/x."""
    collection, slash, rest = text.partition("/")
    if not slash:
        return text
    if collection != kind:
        raise Failure(f"{text!r} is none of the {kind}", EXIT_USAGE)
    return rest


def _write(text: str, file: Path | None) -> None:
    if file is None:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror}", EXIT_USAGE) from None
    print(f"wrote {file}", file=sys.stderr)


def _short(item: dict[str, Any]) -> str:
    shown = ", ".join(
        f"{key}: {value}"
        for key, value in item.items()
        if key not in ("kind", "id") and not isinstance(value, dict | list)
    )
    return shown if len(shown) <= 100 else shown[:99] + "…"
