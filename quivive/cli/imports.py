"""`quivive import`"""

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import DEFAULT_SERVER, Output, ServerOption

if TYPE_CHECKING:
    from quivive.importing import Imported


class Source(StrEnum):
    UPTIME_KUMA = "uptime-kuma"
    UPTIMEROBOT = "uptimerobot"
    MAINWP = "mainwp"
    CSV = "csv"


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Uptime Kuma's kuma.db; UptimeRobot's JSON or CSV; MainWP's export; a CSV."
        ),
    ],
    source: Annotated[
        Source | None, typer.Option("--from", help="Where it comes from [default: seen by its content].")
    ] = None,
    customer: Annotated[
        str, typer.Option("--customer", help="Whose sites they are, where no tag says [default: imported, declared].")
    ] = "",
    by_tag: Annotated[
        str,
        typer.Option(
            "--by-tag", metavar="TAG", help="The tag whose value names the customer; `any` for the first tag."
        ),
    ] = "",
    plan: Annotated[
        str | None, typer.Option("--plan", help="Of customers that are declared along with the sites [standard].")
    ] = None,
    existing_customers: Annotated[
        bool, typer.Option("--existing-customers", help="Declare no customer: all of them are declared already.")
    ] = False,
    preset: Annotated[str, typer.Option("--preset", help="wordpress: for every site.")] = "",
    plan_intervals: Annotated[
        bool, typer.Option("--plan-intervals", help="Leave intervals to the plan instead of keeping them.")
    ] = False,
    services_to: Annotated[
        str,
        typer.Option("--services-to", metavar="SITE", help="The site for ports, names and jobs that go with no other."),
    ] = "",
    target: Annotated[
        Path | None, typer.Option("-o", "--output-file", help="Write the configuration here instead of stdout.")
    ] = None,
    secrets: Annotated[
        Path | None,
        typer.Option(
            "--secrets-file", help="Write passwords here as VARIABLE=value, mode 0600; else they are dropped."
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply it to the server, after showing what would change and asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    summary: Annotated[
        Output, typer.Option("--output", help="How to say what became of each: one table, or every one by itself.")
    ] = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Make a configuration of what another tool watches; say what was taken, what was changed and what could not be, and why."""
    from quivive.configuration.values import check_id
    from quivive.importing import Unreadable, Wishes, build, read

    for option, value in (("--customer", customer), ("--services-to", services_to.removeprefix("sites/"))):
        try:
            check_id(value or "x")
        except ValueError as error:
            raise Failure(f"{option}: {error}", EXIT_USAGE) from None
    if preset not in ("", "wordpress"):
        raise Failure(f"--preset: {preset!r} is not wordpress", EXIT_USAGE)
    try:
        name, monitors = read(file, source.value if source else "")
    except Unreadable as error:
        raise Failure(str(error), EXIT_USAGE) from None
    invented = not customer or by_tag or plan is not None
    wishes = Wishes(
        customer=customer or "imported",
        by_tag=by_tag,
        plan=(plan or "standard") if invented and not existing_customers else None,
        services_to=services_to,
        keep_intervals=not plan_intervals,
        preset=preset,
    )
    imported = build(monitors, wishes)
    text = _checked(imported, f"Imported by `quivive import {file.name}` ({name}).")
    quiet = target is None and not apply
    _say(imported, summary, to_stderr=quiet)
    if not imported.data["sites"]:
        raise Failure("nothing can be taken", EXIT_USAGE)
    if secrets is not None and imported.secrets:
        _write_secrets(secrets, imported)
    if target is not None:
        _write(target, text)
    if apply:
        _apply(text, yes=yes, server=server)
    if quiet:
        sys.stdout.write(text)


def _checked(imported: "Imported", head: str) -> str:
    """The configuration as text, read back by our own reader: what is written is correct."""
    from quivive.configuration import ConfigurationError
    from quivive.configuration.documents import read as read_document
    from quivive.configuration.load import MAX_FILE_BYTES
    from quivive.configuration.validate import validate
    from quivive.importing.written import as_yaml

    text = as_yaml(imported.data, head)
    if len(text.encode()) > MAX_FILE_BYTES:
        raise Failure("it is larger than a configuration file may be: import a part of it at a time", EXIT_USAGE)
    document = read_document(text, "import")
    try:
        validate(document.data)
    except ConfigurationError as error:
        raise Failure(f"the import is not correct, please report it: {error}") from None
    return text


def _say(imported: "Imported", form: Output, *, to_stderr: bool) -> None:
    from quivive.cli.output import print_table, show
    from quivive.importing import summary

    def table() -> None:
        print_table(
            ["result", "types", "number", "what and why", "which"],
            [
                (row.result, row.types, row.count, row.why or "as it was", row.which)
                for row in summary.rows(imported.fates)
            ],
            empty="There is nothing in it.",
            to_stderr=to_stderr,
            wrap=("what and why", "which"),
        )
        out = sys.stderr if to_stderr else sys.stdout
        print(", ".join(f"{number} {result}" for result, number in summary.counts(imported.fates).items()), file=out)
        for remark in summary.remarks(imported.fates):
            print(f"For all of them: {remark}.", file=out)
        if imported.secrets:
            variables = ", ".join(imported.secrets)
            print(f"The agents need in their environment: {variables}", file=out)

    show(form, [summary.record(fate) for fate in imported.fates], table, to_stderr=to_stderr)


def _write_secrets(path: Path, imported: "Imported") -> None:
    from quivive.embedded.places import write_private

    lines = [f"{name}={_quoted(value)}\n" for name, value in imported.secrets.items() if value.isprintable()]
    try:
        write_private(path, "".join(lines))
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror}", EXIT_USAGE) from None
    print(f"wrote {path}: {len(lines)} secrets, readable by you only", file=sys.stderr)


def _quoted(value: str) -> str:
    """As systemd's EnvironmentFile and a shell read it."""
    if re.fullmatch(r"[\w./:@%+=,-]*", value, re.ASCII):
        return value
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror}", EXIT_USAGE) from None
    print(f"wrote {path}", file=sys.stderr)


def _apply(text: str, *, yes: bool, server: str) -> None:
    import tempfile

    from quivive.cli.apply import apply

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "imported.yaml"
        file.write_text(text, "utf-8")
        apply(file=file, prune=False, yes=yes, dry_run=False, server=server)
