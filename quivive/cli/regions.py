"""`quivive region`"""

from typing import Annotated, Any

import typer

from quivive.cli.options import (
    DEFAULT_SERVER,
    Output,
    OutputOption,
    RegionArgument,
    ServerOption,
    YesOption,
    agreed,
    resource_name,
)

app = typer.Typer(help="Where we look from.", no_args_is_help=True)


@app.command("list")
def list_regions(
    agents: Annotated[bool, typer.Option("--agents", help="A line an agent.")] = False,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List regions, whether their votes count, and their agents."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import Record, print_table, show
    from quivive.cli.records import region_record
    from quivive.v1 import region_pb2, region_pb2_grpc

    with connected(server) as channel:
        stub = region_pb2_grpc.RegionServiceStub(channel)
        answer = stub.ListRegions(region_pb2.ListRegionsRequest(), timeout=TIMEOUT_S)
    records = [region_record(region) for region in answer.regions]

    def standing(record: Record) -> str:
        if not record["declared"]:
            return "refused"
        return "drained" if record["drained"] else "blind" if record["blind"] else "sighted"

    def table() -> None:
        print_table(
            ["region", "votes", "since", "reason", "simulated", "agents", "checks", "lateness", "versions"],
            [
                (
                    record["name"].removeprefix("regions/"),
                    standing(record),
                    record["blind_time"],
                    record["blind_reason"] if record["declared"] else "nobody declared this region",
                    "yes" if record["simulated"] else "no",
                    len(record["agents"]),
                    sum(agent["checks"] for agent in record["agents"]),
                    _lateness(max((agent["lateness_seconds"] for agent in record["agents"]), default=None)),
                    ", ".join(sorted({agent["version"] for agent in record["agents"]})) or None,
                )
                for record in records
            ],
            empty="No region is declared: see quivive apply.",
        )

    def agents_table() -> None:
        print_table(
            ["region", "agent", "version", "since", "last seen", "checks", "lateness", "clock", "unsent", "trouble"],
            [
                (
                    record["name"].removeprefix("regions/"),
                    agent["id"][:8],
                    agent["version"],
                    agent["start_time"],
                    agent["last_seen_time"],
                    agent["checks"],
                    _lateness(agent["lateness_seconds"]),
                    f"{round(agent['clock_offset_seconds'] * 1000):+d} ms",
                    agent["unpublished_results"],
                    agent["self_check_reason"] or agent["overload_reason"],
                )
                for record in records
                for agent in record["agents"]
            ],
            empty="No agent reports.",
        )

    show(output, records, agents_table if agents else table)


@app.command("add")
def add_region(
    region: Annotated[str, typer.Argument(metavar="ID", help="As the agents' QUIVIVE_REGION.")],
    title: Annotated[str, typer.Option("--title", help="For people.")] = "",
    simulated: Annotated[
        bool, typer.Option("--simulated", help="It shares a machine or an uplink with another region.")
    ] = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Declare a region. Sites that name no regions are watched from it, too."""
    from uuid import uuid4

    from quivive.v1 import region_pb2

    request = region_pb2.CreateRegionRequest(
        region_id=resource_name("regions", region).removeprefix("regions/"),
        region=region_pb2.Region(title=title, simulated=simulated),
        request_id=str(uuid4()),
    )
    answer = _call(server, lambda stub, limit: stub.CreateRegion(request, timeout=limit))
    print(f"Declared {answer.name}.")


@app.command("drain")
def drain_region(region: RegionArgument, yes: YesOption = False, server: ServerOption = DEFAULT_SERVER) -> None:
    """Take a region out of every check's regions, until it is undrained."""
    from quivive.v1 import region_pb2

    name = resource_name("regions", region)
    agreed(f"Let no site be watched from {name} for now?", yes=yes, undone="nothing was drained")
    request = region_pb2.DrainRegionRequest(name=name)
    _call(server, lambda stub, limit: stub.DrainRegion(request, timeout=limit))
    print(f"Drained {name}.")


@app.command("undrain")
def undrain_region(region: RegionArgument, server: ServerOption = DEFAULT_SERVER) -> None:
    """Take a drained region back."""
    from quivive.v1 import region_pb2

    request = region_pb2.UndrainRegionRequest(name=resource_name("regions", region))
    _call(server, lambda stub, limit: stub.UndrainRegion(request, timeout=limit))
    print(f"{request.name} counts again.")


@app.command("remove")
def remove_region(region: RegionArgument, yes: YesOption = False, server: ServerOption = DEFAULT_SERVER) -> None:
    """Take a region out of what is declared."""
    from quivive.v1 import region_pb2

    name = resource_name("regions", region)
    agreed(f"Remove {name}?", yes=yes, undone="nothing was removed")
    request = region_pb2.DeleteRegionRequest(name=name)
    _call(server, lambda stub, limit: stub.DeleteRegion(request, timeout=limit))
    print(f"Removed {name}.")


def _call(server: str, call: Any) -> Any:
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import region_pb2_grpc

    with connected(server) as channel:
        return call(region_pb2_grpc.RegionServiceStub(channel), TIMEOUT_S)


def _lateness(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1000:.0f} ms"
