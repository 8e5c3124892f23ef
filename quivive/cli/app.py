"""The tree of commands. What a command needs is imported when it runs, so that `--help` is there at once."""

import os
from typing import Annotated

import typer

from quivive import __version__
from quivive.cli import (
    apply,
    backup,
    channels,
    customers,
    evidence,
    explain,
    get,
    imports,
    incidents,
    maintenance,
    oncall,
    profile,
    regions,
    reports,
    results,
    sites,
    sla,
    tokens,
    up,
    watch,
)
from quivive.cli.failures import EXIT_CODES
from quivive.cli.names import complete_profile

app = typer.Typer(
    help="Quivive watches web sites from several regions, and keeps an answer to rely on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
)


@app.command()
def version() -> None:
    """Print the version."""
    print(f"quivive {__version__}")


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            help="Which server, by its name in `quivive profile list`; also QUIVIVE_PROFILE.",
            autocompletion=complete_profile,
        ),
    ] = "",
) -> None:
    """Quivive watches web sites from several regions, and keeps an answer to rely on."""
    if profile:
        os.environ["QUIVIVE_PROFILE"] = profile


app.command("up")(up.up)
app.command("apply")(apply.apply)
app.command("check")(apply.check)
app.command("get")(get.get)
app.command("import")(imports.import_)
app.command("watch")(watch.watch)
app.add_typer(sites.app, name="site")
app.add_typer(incidents.app, name="incident")
app.command("explain")(explain.explain)
app.add_typer(results.app, name="result")
app.command("sla")(sla.sla)
app.command("latency")(sla.latency)
app.command("targets")(sla.targets)
app.command("report")(reports.report)
app.add_typer(customers.app, name="customer")
app.add_typer(customers.plans, name="plan")
app.add_typer(maintenance.app, name="maintenance")
app.add_typer(maintenance.silences, name="silence")
app.add_typer(regions.app, name="region")
app.add_typer(channels.app, name="channel")
app.add_typer(oncall.app, name="oncall")
app.add_typer(tokens.app, name="token")
app.add_typer(tokens.audit, name="audit")
app.add_typer(profile.app, name="profile")
app.command("export")(evidence.export)
app.command("verify-chain")(evidence.verify_chain)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
