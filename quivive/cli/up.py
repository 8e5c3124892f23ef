"""`quivive up`"""

from pathlib import Path
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_USAGE, Failure


def up(
    config: Annotated[
        Path | None, typer.Option("--config", help="A file or a folder to apply; see examples/quivive.yaml.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Where everything is kept [default: .quivive; .quivive/demo with --demo]."),
    ] = None,
    bind: Annotated[str, typer.Option("--bind", help="The address that gRPC and the web listen on.")] = "127.0.0.1",
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="How the web is reached from outside, for links in messages.")
    ] = None,
    grpc_port: Annotated[int, typer.Option("--grpc-port", min=1, max=65535)] = 50051,
    http_port: Annotated[int, typer.Option("--http-port", min=1, max=65535)] = 8080,
    regions: Annotated[
        str, typer.Option("--regions", help="a,b,c: one local agent each, marked simulated [default: local].")
    ] = "",
    aggregators: Annotated[
        int, typer.Option("--aggregators", min=1, max=4, help="How many aggregators share the work.")
    ] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Add sites on this machine that break and heal.")] = False,
    nats_url: Annotated[
        str | None,
        typer.Option("--nats-url", envvar="QUIVIVE_NATS_URL", help="Use this broker instead of the embedded one."),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url", envvar="QUIVIVE_DATABASE_URL", help="Use this database instead of the embedded one."
        ),
    ] = None,
) -> None:
    """Run everything on this machine: broker, database, agents, aggregator and api."""
    chosen = _parse_regions(regions)
    from quivive.embedded.options import UpOptions
    from quivive.embedded.up import run

    options = UpOptions(
        config=config,
        # The demo's sites are no company for anybody's own.
        data_dir=data_dir or Path(".quivive/demo" if demo else ".quivive"),
        bind=bind,
        public_url=public_url,
        grpc_port=grpc_port,
        http_port=http_port,
        regions=chosen,
        aggregators=aggregators,
        demo=demo,
        nats_url=nats_url,
        database_url=database_url,
    )
    raise typer.Exit(run(options))


def _parse_regions(text: str) -> tuple[str, ...]:
    """The regions of `a,b,c`, none for an empty text. Failure for a bad or repeated one."""
    from quivive.configuration.values import check_id

    regions = tuple(region.strip() for region in text.split(",")) if text else ()
    try:
        for region in regions:
            check_id(region)
    except ValueError as error:
        raise Failure(f"--regions: {error}", EXIT_USAGE) from None
    if len(set(regions)) != len(regions):
        raise Failure("--regions names one twice", EXIT_USAGE)
    return regions
