"""`quivive channel`"""

from typing import Annotated, Any

import typer

from quivive.cli.failures import EXIT_FAILED, Failure
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name

app = typer.Typer(help="Where news goes.", no_args_is_help=True)

TEST_TIMEOUT_S = 45.0
"""The server waits 30 s for the receiver."""


@app.command("list")
def list_channels(output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """List channels, and what became of the last messages on them."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_table, show
    from quivive.v1 import channel_pb2, channel_pb2_grpc

    with connected(server) as channel:
        stub = channel_pb2_grpc.ChannelServiceStub(channel)
        answer = stub.ListChannels(channel_pb2.ListChannelsRequest(), timeout=TIMEOUT_S)
    records = [_record(channel) for channel in answer.channels]

    def table() -> None:
        print_table(
            ["channel", "type", "audience", "to", "last sent", "waiting", "last test", "trouble"],
            [
                (
                    record["name"].removeprefix("channels/"),
                    record["type"],
                    ", ".join(record["audience"]),
                    record["target"],
                    record["last_sent_time"],
                    record["waiting"],
                    _tested(record["last_test"]),
                    record["last_error"] or (record["last_test"] or {}).get("reason") or None,
                )
                for record in records
            ],
            empty="No channel is declared: nobody is told of anything. See docs/channels.md.",
            wrap=("to", "trouble"),
        )

    show(output, records, table)


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="x or channels/x.")],
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Send a message that says that it is a test, on the way that pages take, and say what became of it."""
    from quivive.cli.connection import connected
    from quivive.cli.output import show
    from quivive.v1 import channel_pb2, channel_pb2_grpc

    request = channel_pb2.TestChannelRequest(name=resource_name("channels", channel))
    with connected(server) as connection:
        stub = channel_pb2_grpc.ChannelServiceStub(connection)
        test = stub.TestChannel(request, timeout=TEST_TIMEOUT_S).test
    if output is not Output.TABLE:
        show(output, {"name": request.name, **_test_record(test)}, lambda: None)
    elif test.delivered:
        print(f"{request.name} has taken the test: see whether it has arrived where people look.")
    if not test.delivered:
        raise Failure(f"{request.name} has not taken the test: {test.reason}", EXIT_FAILED)


def _record(channel: Any) -> dict[str, Any]:
    has = channel.HasField
    return {
        "name": channel.name,
        "type": channel.type,
        "audience": list(channel.audience),
        "target": channel.target,
        "last_sent_time": channel.last_sent_time.ToJsonString() if has("last_sent_time") else None,
        "waiting": channel.waiting,
        "last_error": channel.last_error or None,
        "last_test": _test_record(channel.last_test) if has("last_test") else None,
    }


def _test_record(test: Any) -> dict[str, Any]:
    return {"time": test.time.ToJsonString(), "delivered": test.delivered, "reason": test.reason or None}


def _tested(test: dict[str, Any] | None) -> str | None:
    return None if test is None else f"{test['time'][:19]}Z {'passed' if test['delivered'] else 'failed'}"
