"""`quivive oncall`"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import DEFAULT_SERVER, Output, OutputOption, ServerOption, resource_name
from quivive.cli.windows import parse_instant

if TYPE_CHECKING:
    from quivive.v1 import oncall_pb2

app = typer.Typer(help="Who is on call, and who stands in.", no_args_is_help=True)

ScheduleOption = Annotated[str, typer.Option("--schedule", help="Only this schedule's.")]
AtOption = Annotated[str, typer.Option("--at", help="An instant, 2026-03-01T22:00:00+01:00; else now.")]
DaysOption = Annotated[int, typer.Option("--days", min=1, max=400, help="How far ahead.")]


@app.command()
def who(
    at: AtOption = "",
    schedule: ScheduleOption = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Say who is on call at an instant, and until when."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_table, show
    from quivive.v1 import oncall_pb2, oncall_pb2_grpc

    request = oncall_pb2.WhoIsOnCallRequest(name=resource_name("schedules", schedule) if schedule else "")
    if at:
        request.time.FromDatetime(_instant("--at", at))
    with connected(server) as channel:
        answer = oncall_pb2_grpc.OnCallServiceStub(channel).WhoIsOnCall(request, timeout=TIMEOUT_S)
    records = [{"schedule": one.schedule, **_turn(one.turn)} for one in answer.on_call]

    def table() -> None:
        print_table(
            ["schedule", "on call", "since", "until", "by"],
            [(_short(r["schedule"]), _person(r), r["start_time"], r["end_time"], r["source"]) for r in records],
            empty="No schedule is declared.",
        )

    show(output, records, table)


@app.command("list")
def list_schedules(output: OutputOption = Output.TABLE, server: ServerOption = DEFAULT_SERVER) -> None:
    """List schedules, who is on call, who stands in, and the addresses of their calendars."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import print_table, show
    from quivive.v1 import oncall_pb2, oncall_pb2_grpc

    with connected(server) as channel:
        stub = oncall_pb2_grpc.OnCallServiceStub(channel)
        answer = stub.ListSchedules(oncall_pb2.ListSchedulesRequest(), timeout=TIMEOUT_S)
    records: list[dict[str, Any]] = [
        {
            "name": item.name,
            "title": item.title,
            "timezone": item.timezone,
            "current": _turn(item.current),
            "overrides": [_override(override) for override in item.overrides],
            "calendar_url": item.calendar_url or None,
        }
        for item in answer.schedules
    ]

    def table() -> None:
        print_table(
            ["schedule", "zone", "on call", "until", "overrides", "calendar"],
            [
                (
                    _short(record["name"]),
                    record["timezone"],
                    _person(record["current"]),
                    record["current"]["end_time"],
                    len(record["overrides"]) or None,
                    record["calendar_url"],
                )
                for record in records
            ],
            empty="No schedule is declared.",
        )

    show(output, records, table)


@app.command()
def turns(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="x or schedules/x.")],
    days: DaysOption = 28,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List the turns of a schedule from now on."""
    _print_turns([_read(schedule, days, server)], output, empty="Nobody takes turns.")


@app.command()
def gaps(
    schedule: ScheduleOption = "",
    days: DaysOption = 28,
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """List the spans in which nobody is on call."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import oncall_pb2, oncall_pb2_grpc

    names = [schedule]
    if not schedule:
        with connected(server) as channel:
            stub = oncall_pb2_grpc.OnCallServiceStub(channel)
            answer = stub.ListSchedules(oncall_pb2.ListSchedulesRequest(), timeout=TIMEOUT_S)
        names = [item.name for item in answer.schedules]
    read = [_read(name, days, server) for name in names]
    for item in read:
        kept = [turn for turn in item.turns if not turn.person]
        del item.turns[:]
        item.turns.extend(kept)
    _print_turns(read, output, empty=f"Somebody is on call at every instant of the next {days} days.")


@app.command("stand-in")
def stand_in(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="x or schedules/x.")],
    person: Annotated[str, typer.Argument(metavar="PERSON", help="x or people/x.")],
    start: Annotated[str, typer.Option("--start", help="From when on: an instant, or `now`.")] = "now",
    end: Annotated[str, typer.Option("--end", help="Until when.")] = "",
    hours: Annotated[float, typer.Option("--hours", min=0, help="Instead of --end: how long.")] = 0,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    output: OutputOption = Output.TABLE,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Let somebody stand in."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.cli.output import show
    from quivive.v1 import oncall_pb2, oncall_pb2_grpc

    if bool(end) == bool(hours):
        raise Failure("give either --end or --hours", EXIT_USAGE)
    begin = _instant("--start", start)
    override = oncall_pb2.Override(person=resource_name("people", person), reason=reason)
    override.start_time.FromDatetime(begin)
    override.end_time.FromDatetime(_instant("--end", end) if end else begin + timedelta(hours=hours))
    request = oncall_pb2.CreateOverrideRequest(parent=resource_name("schedules", schedule), override=override)
    with connected(server) as channel:
        made = oncall_pb2_grpc.OnCallServiceStub(channel).CreateOverride(request, timeout=TIMEOUT_S)
    record = _override(made)
    show(
        output, record, lambda: print(f"{record['name']}: {_short(made.person)} stands in until {record['end_time']}.")
    )


@app.command("take-back")
def take_back(
    override: Annotated[
        str, typer.Argument(metavar="OVERRIDE", help="schedules/x/overrides/y, as `stand-in` printed it.")
    ],
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Take an override back."""
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import oncall_pb2, oncall_pb2_grpc

    with connected(server) as channel:
        stub = oncall_pb2_grpc.OnCallServiceStub(channel)
        stub.DeleteOverride(oncall_pb2.DeleteOverrideRequest(name=override), timeout=TIMEOUT_S)
    print(f"{override} is taken back.")


def _instant(option: str, text: str) -> datetime:
    return datetime.now(UTC) if text == "now" else parse_instant(option, text)


def _read(schedule: str, days: int, server: str) -> "oncall_pb2.Schedule":
    from quivive.cli.connection import TIMEOUT_S, connected
    from quivive.v1 import oncall_pb2, oncall_pb2_grpc

    now = datetime.now(UTC)
    request = oncall_pb2.GetScheduleRequest(name=resource_name("schedules", schedule))
    request.start_time.FromDatetime(now)
    request.end_time.FromDatetime(now + timedelta(days=days))
    with connected(server) as channel:
        return oncall_pb2_grpc.OnCallServiceStub(channel).GetSchedule(request, timeout=TIMEOUT_S)


def _print_turns(schedules: "list[oncall_pb2.Schedule]", output: Output, empty: str) -> None:
    from quivive.cli.output import print_table, show

    records = [{"schedule": item.name, **_turn(turn)} for item in schedules for turn in item.turns]

    def table() -> None:
        print_table(
            ["schedule", "on call", "from", "until", "by"],
            [(_short(r["schedule"]), _person(r), r["start_time"], r["end_time"], r["source"]) for r in records],
            empty=empty,
        )

    show(output, records, table)


def _turn(turn: "oncall_pb2.Turn") -> dict[str, Any]:
    from quivive.cli.records import time_text

    return {
        "person": turn.person or None,
        "person_title": turn.person_title or None,
        "start_time": time_text(turn, "start_time"),
        "end_time": time_text(turn, "end_time"),
        "source": turn.source,
    }


def _override(override: "oncall_pb2.Override") -> dict[str, Any]:
    from quivive.cli.records import time_text

    return {
        "name": override.name,
        "person": override.person,
        "start_time": time_text(override, "start_time"),
        "end_time": time_text(override, "end_time"),
        "reason": override.reason or None,
        "author": override.author or None,
    }


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _person(record: dict[str, Any]) -> str:
    return str(record["person_title"] or "nobody")
