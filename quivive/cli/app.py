"""The tree of commands. What a command needs is imported when it runs, so that `--help` is there at once."""

from typing import Annotated

import typer

from quivive import __version__
from quivive.cli import apply, backup, evidence, explain, incidents, regions, reports, sites, sla, up

app = typer.Typer(
    help="Quivive watches web sites from several regions, and keeps an answer to rely on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 the server failed, refused or could not be reached; "
    "2 the command line or the configuration has to be corrected.",
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
) -> None:
    """Quivive watches web sites from several regions, and keeps an answer to rely on."""


app.command("up")(up.up)
app.command("apply")(apply.apply)
app.command("check")(apply.check)
app.add_typer(sites.app, name="site")
app.add_typer(incidents.app, name="incident")
app.command("explain")(explain.explain)
app.command("sla")(sla.sla)
app.command("report")(reports.report)
app.add_typer(regions.app, name="region")
app.command("export")(evidence.export)
app.command("verify-chain")(evidence.verify_chain)
app.add_typer(evidence.customers, name="customer")
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
