"""`quivive region`"""

import typer

from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption

app = typer.Typer(help="Where we look from.", no_args_is_help=True)


@app.command("list")
def list_regions(output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """List regions, whether their votes count, and their agents."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_json, print_table
    from quivive.cli.records import region_record
    from quivive.v1 import region_pb2, region_pb2_grpc

    with connected(server) as channel:
        stub = region_pb2_grpc.RegionServiceStub(channel)
        answer = stub.ListRegions(region_pb2.ListRegionsRequest(), timeout=TIMEOUT_S)
    records = [region_record(region) for region in answer.regions]
    if output is Output.JSON:
        print_json(records)
        return
    print_table(
        ["region", "votes", "since", "reason", "simulated", "agents", "checks"],
        [
            (
                record["name"].removeprefix("regions/"),
                "refused" if not record["declared"] else "blind" if record["blind"] else "sighted",
                record["blind_time"],
                record["blind_reason"] if record["declared"] else "nobody declared this region",
                "yes" if record["simulated"] else "no",
                len(record["agents"]),
                sum(agent["checks"] for agent in record["agents"]),
            )
            for record in records
        ],
        empty="No region is declared: see quivive apply.",
    )
