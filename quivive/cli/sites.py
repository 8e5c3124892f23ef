"""`quivive site`"""

from typing import Annotated

import typer

from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name

app = typer.Typer(help="Watched sites and their present state.", no_args_is_help=True)


@app.command("list")
def list_sites(
    customer: Annotated[str, typer.Option("--customer", help="Only this customer's.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List sites by name."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_json, print_table
    from quivive.cli.records import site_record
    from quivive.v1 import site_pb2, site_pb2_grpc

    request = site_pb2.ListSitesRequest(
        page_size=PAGE, customer=resource_name("customers", customer) if customer else ""
    )
    with connected(server) as channel:
        stub = site_pb2_grpc.SiteServiceStub(channel)

        def call(token: str) -> site_pb2.ListSitesResponse:
            request.page_token = token
            return stub.ListSites(request, timeout=TIMEOUT_S)

        records = [site_record(site) for page in pages(call) for site in page.sites]
    if output is Output.JSON:
        print_json(records)
        return
    print_table(
        ["site", "state", "since", "customer", "url"],
        [
            (
                record["name"].removeprefix("sites/"),
                record["state"],
                record["state_time"],
                record["customer"].removeprefix("customers/"),
                record["url"],
            )
            for record in records
        ],
        empty="No site is declared: see quivive apply.",
    )
