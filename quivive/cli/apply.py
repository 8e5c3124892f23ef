"""`quivive apply` and `quivive check`"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.kinds import singular
from quivive.cli.options import DEFAULT_SERVER, ServerOption

if TYPE_CHECKING:
    from rich.text import Text

    from quivive.cli.traffic import Traffic
    from quivive.configuration import Loaded
    from quivive.v1 import configuration_pb2

APPLY_TIMEOUT_S = 120.0


def check(file: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A file, or a folder of *.yaml.")]) -> None:
    """Validate a configuration on this machine, without a server."""
    from quivive.configuration.references import undeclared

    loaded = _load(file)
    for problem in undeclared(loaded):
        print(f"note: {problem}", file=sys.stderr)
    counts = [
        _counted(len(items), singular(kind).replace("_", " "), kind.replace("_", " "))
        for kind, items in loaded.configuration
        if items
    ]
    print(f"{file}: correct: {', '.join(counts) or 'nothing declared'}")


def apply(
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE|DIR", help="A file, or a folder of *.yaml.")],
    prune: Annotated[bool, typer.Option("--prune", help="Remove from the server what is declared no more.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and stop.")] = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Make the server watch what is declared: shows the differences, asks, and applies them all or none."""
    loaded = _load(file)
    changes = _call(loaded, prune=prune, validate_only=True, server=server)
    pending = _print_changes(changes, _traffic(loaded, changes, server), prune=prune)
    if not pending:
        print("Nothing to change.")
        return
    if dry_run:
        print(f"{_counted(pending)} to apply.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise Failure("nothing was applied: nobody is here to ask, so give --yes or --dry-run", EXIT_USAGE)
        if not typer.confirm(f"Apply {_counted(pending)}?"):
            raise Failure("nothing was applied")
    applied = _call(loaded, prune=prune, validate_only=False, server=server)
    print(f"Applied {_counted(sum(change.action != change.ACTION_KEEP for change in applied))}.")


def _load(file: Path) -> "Loaded":
    from quivive.configuration import ConfigurationError, load

    try:
        return load(file)
    except ConfigurationError as error:
        raise Failure(str(error), EXIT_USAGE) from None


def _call(loaded: "Loaded", *, prune: bool, validate_only: bool, server: str) -> "list[configuration_pb2.Change]":
    """The server's answer; its objections are reported where the files say what it objects to."""
    from quivive.cli.connection import Refused, connected
    from quivive.configuration import canonical_json
    from quivive.v1 import configuration_pb2, configuration_pb2_grpc

    request = configuration_pb2.ApplyConfigurationRequest(
        configuration=canonical_json(loaded.configuration), prune=prune, validate_only=validate_only
    )
    try:
        with connected(server) as channel:
            stub = configuration_pb2_grpc.ConfigurationServiceStub(channel)
            return list(stub.ApplyConfiguration(request, timeout=APPLY_TIMEOUT_S).changes)
    except Refused as refused:
        problems = [loaded.problem_at(field, reason) for field, reason in refused.violations]
        problems.sort(key=lambda problem: (problem.file or "", problem.line or 0))
        lines = [str(problem) for problem in problems] or [str(refused)]
        if refused.left_out:
            lines.append(f"and {refused.left_out} more, which the server will name once these are corrected")
        raise Failure("\n".join(lines), EXIT_USAGE) from None


def _traffic(loaded: "Loaded", changes: "list[configuration_pb2.Change]", server: str) -> "dict[str, Traffic]":
    """Of each site that is to be created or changed, by its name."""
    from quivive.cli.get import declared
    from quivive.cli.traffic import plan_intervals, traffic_of

    named = {change.name for change in changes if change.action in (change.ACTION_CREATE, change.ACTION_UPDATE)}
    sites = [site for site in loaded.configuration.sites if f"sites/{site.id}" in named]
    if not sites:
        return {}
    try:
        there = declared(server, ["plans", "customers", "regions"], [])
    except Failure:  # a server that is older than this command
        there = {}
    here = loaded.configuration.model_dump(mode="json", include={"plans", "customers", "regions"})
    both = {kind: [*there.get(kind, ()), *here[kind]] for kind in here}
    intervals = plan_intervals(both)
    regions = len({region["id"] for region in both["regions"] if not region.get("drained")})
    found = {f"sites/{site.id}": traffic_of(site, intervals.get(site.customer), regions) for site in sites}
    return {name: traffic for name, traffic in found.items() if traffic is not None}


def _print_changes(changes: "list[configuration_pb2.Change]", traffic: "dict[str, Traffic]", *, prune: bool) -> int:
    """One line a change, below it its fields. How many would be made."""
    from rich.console import Console
    from rich.text import Text

    from quivive.v1.configuration_pb2 import Change

    marks = {
        Change.ACTION_CREATE: ("+", "green"),
        Change.ACTION_UPDATE: ("~", "yellow"),
        Change.ACTION_DELETE: ("-", "red"),
    }
    console = Console(highlight=False, soft_wrap=True)
    for change in changes:
        if change.action in marks:
            mark, style = marks[change.action]
            console.print(Text(f"{mark} {change.name}", style=style))
            for field in change.fields:
                console.print(_field(field))
            if change.name in traffic:
                console.print(Text(f"    {traffic[change.name]}", style="dim"))
    if len(traffic) > 1:
        requests, gigabytes = (sum(getattr(one, key) for one in traffic.values()) for key in ("requests", "gigabytes"))
        print(f"These {len(traffic)} sites: {requests:,} requests, about {gigabytes:,.1f} GB a month, estimated.")
    kept = [change.name for change in changes if change.action == Change.ACTION_KEEP]
    # Plans are never removed, and some ship with Quivive: that they are not declared here is no news.
    news = [name for name in kept if not name.startswith("plans/")]
    if news:
        hint = "" if prune else "; --prune removes them"
        print(f"Kept although not declared here ({len(news)}{hint}): {', '.join(news)}")
    return len(changes) - len(kept)


def _field(line: str) -> "Text":
    """`interval: 1min -> 30s` with the old value in red and the new one in green; warnings in yellow."""
    from rich.text import Text

    text = Text("    ")
    name, colon, values = line.partition(": ")
    before, arrow, after = values.partition(" -> ")
    if name == "warning":
        return text.append(line, "yellow")
    if not colon or not arrow:
        return text.append(line)
    return text.append(f"{name}: ").append(before, "red").append(" -> ").append(after, "green")


def _counted(number: int, word: str = "change", words: str = "changes") -> str:
    return f"{number} {word if number == 1 else words}"
