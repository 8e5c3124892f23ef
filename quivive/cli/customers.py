"""`quivive customer` and `quivive plan`"""

from typing import Annotated

import typer

from quivive.cli.evidence import erase
from quivive.cli.options import (
    DEFAULT_SERVER,
    CustomerArgument,
    Output,
    OutputOption,
    ServerOption,
    YesOption,
    agreed,
    resource_name,
)

app = typer.Typer(help="The agency's customers.", no_args_is_help=True)
plans = typer.Typer(help="What the agency sells.", no_args_is_help=True)


@app.command("list")
def list_customers(
    wanted: Annotated[str, typer.Option("--filter", help="As in `plan = premium AND locale = fr`.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List customers by name."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import customer_record
    from quivive.v1 import customer_pb2, customer_pb2_grpc

    request = customer_pb2.ListCustomersRequest(page_size=PAGE, filter=wanted)
    with connected(server) as channel:
        stub = customer_pb2_grpc.CustomerServiceStub(channel)

        def call(token: str) -> customer_pb2.ListCustomersResponse:
            request.page_token = token
            return stub.ListCustomers(request, timeout=TIMEOUT_S)

        records = [customer_record(customer) for page in pages(call) for customer in page.customers]
    show(
        output,
        records,
        lambda: print_table(
            ["customer", "name", "plan", "sites", "language", "zone"],
            [
                (
                    record["name"].removeprefix("customers/"),
                    record["title"],
                    record["plan"].removeprefix("plans/"),
                    record["sites"],
                    record["locale"],
                    record["timezone"],
                )
                for record in records
            ],
            empty="No customer is declared: see quivive apply.",
        ),
    )


@app.command("show")
def show_customer(
    customer: CustomerArgument, output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER
) -> None:
    """Show one customer."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, show
    from quivive.cli.records import customer_record
    from quivive.v1 import customer_pb2, customer_pb2_grpc

    request = customer_pb2.GetCustomerRequest(name=resource_name("customers", customer))
    with connected(server) as channel:
        record = customer_record(customer_pb2_grpc.CustomerServiceStub(channel).GetCustomer(request, timeout=TIMEOUT_S))
    show(output, record, lambda: print_fields((key.replace("_", " "), value) for key, value in record.items()))


@app.command("delete")
def delete_customer(
    customer: CustomerArgument,
    with_sites: Annotated[bool, typer.Option("--with-sites", help="And all its sites.")] = False,
    yes: YesOption = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Take a customer out of what is declared. The history stays: see `erase`."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import customer_pb2, customer_pb2_grpc

    name = resource_name("customers", customer)
    agreed(f"Stop serving {name}{' and its sites' if with_sites else ''}?", yes=yes, undone="nothing was deleted")
    request = customer_pb2.DeleteCustomerRequest(name=name, force=with_sites)
    with connected(server) as channel:
        customer_pb2_grpc.CustomerServiceStub(channel).DeleteCustomer(request, timeout=TIMEOUT_S)
    print(f"Deleted {name}.")


app.command("erase")(erase)


@plans.command("list")
def list_plans(output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """List plans in their newest versions."""
    from quivive.cli.connection import PAGE, TIMEOUT_S, connected, pages
    from quivive.cli.output import print_table, show
    from quivive.cli.records import plan_record
    from quivive.v1 import plan_pb2, plan_pb2_grpc

    request = plan_pb2.ListPlansRequest(page_size=PAGE)
    with connected(server) as channel:
        stub = plan_pb2_grpc.PlanServiceStub(channel)

        def call(token: str) -> plan_pb2.ListPlansResponse:
            request.page_token = token
            return stub.ListPlans(request, timeout=TIMEOUT_S)

        records = [plan_record(plan) for page in pages(call) for plan in page.plans]
    show(
        output,
        records,
        lambda: print_table(
            ["plan", "title", "version", "interval", "page after", "objective", "response target", "hours", "channels"],
            [
                (
                    record["name"].removeprefix("plans/"),
                    record["title"],
                    record["version"],
                    f"{record['interval_seconds']:g}s",
                    f"{record['page_after_seconds']:g}s",
                    None if record["objective"] is None else f"{record['objective']:.3%}",
                    f"{record['response_target_seconds'] / 60:g}min",
                    record["response_hours"],
                    ", ".join(record["channels"]),
                )
                for record in records
            ],
            empty="There is no plan.",
        ),
    )


@plans.command("show")
def show_plan(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="x or plans/x.")],
    version: Annotated[int, typer.Option("--version", min=0, help="An earlier one [default: the newest].")] = 0,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show one plan."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_fields, show
    from quivive.cli.records import plan_record
    from quivive.v1 import plan_pb2, plan_pb2_grpc

    request = plan_pb2.GetPlanRequest(name=resource_name("plans", plan), version=version)
    with connected(server) as channel:
        record = plan_record(plan_pb2_grpc.PlanServiceStub(channel).GetPlan(request, timeout=TIMEOUT_S))
    show(
        output,
        record,
        lambda: print_fields(
            (key.replace("_", " "), ", ".join(value) if isinstance(value, list) else value)
            for key, value in record.items()
        ),
    )
