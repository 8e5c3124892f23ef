"""`quivive export`, `quivive verify-chain` and `quivive customer erase`"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name

if TYPE_CHECKING:
    from quivive.evidence.chain import Entry, Head


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


def export(
    customer: Annotated[str, typer.Argument(help="x or customers/x.")],
    form: Annotated[Format, typer.Option("--format", help="jsonl can be verified; csv is for people.")] = Format.JSONL,
    file: Annotated[Path | None, typer.Option("-o", "--output-file", help="Write it here instead of stdout.")] = None,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Write a customer's evidence log: every incident event and closed interval, with the hashes that chain them."""
    from quivive.evidence.exported import write_csv, write_lines

    name = resource_name("customers", customer)
    with _output(file) as out:
        (write_csv if form is Format.CSV else write_lines)(_entries(server, name), out)
    if file is not None:
        print(f"wrote {file}", file=sys.stderr)


def verify_chain(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An export in JSON lines; the server's chains without one.")
    ] = None,
    customer: Annotated[str, typer.Option("--customer", help="Only this customer's chain on the server.")] = "",
    head: Annotated[
        list[str] | None,
        typer.Option("--head", metavar="SEQUENCE:HASH", help="A head kept from earlier, which must be in the chain."),
    ] = None,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Recompute every hash on this machine, and say whether anything was changed, removed or inserted."""
    from quivive.cli.output import print_table, show
    from quivive.evidence.chain import Broken, verify
    from quivive.evidence.exported import Unreadable

    if file is not None and customer:
        raise Failure("give a FILE or --customer, not both", EXIT_USAGE)
    known = [_head(text) for text in head or ()]
    entries = _read(file) if file else _entries(server, resource_name("customers", customer) if customer else "")
    try:
        chains = verify(entries, known)
    except Unreadable as error:
        raise Failure(f"{file}: {error}", EXIT_USAGE) from None
    except Broken as error:
        raise Failure(f"broken: {error}") from None
    show(
        output,
        [
            {"chain": str(item.chain), "entries": item.head.sequence, "erased": item.erased, "head": str(item.head)}
            for item in chains
        ],
        lambda: print_table(
            ["chain", "entries", "erased", "head"],
            [(item.chain, item.head.sequence, item.erased, item.head) for item in chains],
            empty="Nothing has been sealed yet.",
        ),
    )


def erase(
    customer: Annotated[str, typer.Argument(help="x or customers/x, no longer declared.")],
    author: Annotated[str, typer.Option("--author", help="Who erases; kept.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept. Do not name the customer in it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Remove a customer and all that is kept of him, for ever. Of his evidence log the hashes stay, without a name."""
    from quivive.cli.connection import connected
    from quivive.v1 import evidence_pb2, evidence_pb2_grpc

    name = resource_name("customers", customer)
    if not yes:
        if not sys.stdin.isatty():
            raise Failure("nothing was erased: nobody is here to ask, so give --yes", EXIT_USAGE)
        if not typer.confirm(f"Erase {name} for ever? Export it first if anybody may still need it."):
            raise Failure("nothing was erased")
    request = evidence_pb2.EraseCustomerRequest(name=name, author=author, reason=reason)
    with connected(server) as channel:
        answer = evidence_pb2_grpc.EvidenceServiceStub(channel).EraseCustomer(request, timeout=ERASE_TIMEOUT_S)
    kept = f"; the hashes of chain {answer.chain} stay" if answer.chain else ""
    print(f"Erased {name}{kept}. Backups from before still hold it.")


ERASE_TIMEOUT_S = 60.0


def _entries(server: str, customer: str) -> "Iterator[Entry]":
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.evidence.exported import from_message
    from quivive.v1 import evidence_pb2, evidence_pb2_grpc

    request = evidence_pb2.ListEvidenceEntriesRequest(customer=customer, page_size=PAGE)
    with connected(server) as channel:
        stub = evidence_pb2_grpc.EvidenceServiceStub(channel)

        def call(token: str) -> evidence_pb2.ListEvidenceEntriesResponse:
            request.page_token = token
            return stub.ListEvidenceEntries(request, timeout=TIMEOUT_S)

        for page in pages(call):
            yield from map(from_message, page.entries)


def _read(file: Path) -> "Iterator[Entry]":
    from quivive.evidence.exported import read_lines

    try:
        with file.open(encoding="utf-8") as lines:
            yield from read_lines(lines)
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror}", EXIT_USAGE) from None


def _head(text: str) -> "Head":
    from quivive.evidence.chain import Head

    try:
        return Head.parse(text)
    except ValueError:
        raise Failure(f"--head: {text!r} is not SEQUENCE:HASH as verify-chain prints it", EXIT_USAGE) from None


@contextmanager
def _output(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            yield out
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror}", EXIT_USAGE) from None
