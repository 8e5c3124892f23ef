"""The `quivive` command as a process, against a real gRPC server that answers what the test wants."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from command import Ran, run_here
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from quivive.v1 import (
    configuration_pb2,
    configuration_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    outcome_pb2,
    region_pb2,
    region_pb2_grpc,
    report_pb2,
    report_pb2_grpc,
    site_pb2,
    site_pb2_grpc,
    sla_pb2,
    sla_pb2_grpc,
)

Answer = Callable[[Any, grpc.ServicerContext], Any]


@dataclass
class Api:
    """Answers by method name, and the requests that came."""

    address: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)

    def answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        method = type(request).__name__.removesuffix("Request")
        return self.answers[method](request, context)


class Sites(site_pb2_grpc.SiteServiceServicer):
    def __init__(self, api: Api) -> None:
        self.ListSites = api.answer  # type: ignore[assignment]


class Incidents(incident_pb2_grpc.IncidentServiceServicer):
    def __init__(self, api: Api) -> None:
        self.GetIncident = self.ListIncidents = self.ExplainVerdict = api.answer  # type: ignore[assignment]


class Sla(sla_pb2_grpc.SlaServiceServicer):
    def __init__(self, api: Api) -> None:
        self.QuerySla = api.answer  # type: ignore[assignment]


class Reports(report_pb2_grpc.ReportServiceServicer):
    def __init__(self, api: Api) -> None:
        self.RenderReport = api.answer  # type: ignore[assignment]


class Regions(region_pb2_grpc.RegionServiceServicer):
    def __init__(self, api: Api) -> None:
        self.ListRegions = api.answer  # type: ignore[assignment]


class Configurations(configuration_pb2_grpc.ConfigurationServiceServicer):
    def __init__(self, api: Api) -> None:
        self.ApplyConfiguration = api.answer  # type: ignore[assignment]


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    server = grpc.server(ThreadPoolExecutor(4))
    site_pb2_grpc.add_SiteServiceServicer_to_server(Sites(api), server)
    incident_pb2_grpc.add_IncidentServiceServicer_to_server(Incidents(api), server)
    sla_pb2_grpc.add_SlaServiceServicer_to_server(Sla(api), server)
    report_pb2_grpc.add_ReportServiceServicer_to_server(Reports(api), server)
    region_pb2_grpc.add_RegionServiceServicer_to_server(Regions(api), server)
    configuration_pb2_grpc.add_ConfigurationServiceServicer_to_server(Configurations(api), server)
    api.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield api
    server.stop(grace=None).wait()


def quivive(*arguments: str, server: str = "127.0.0.1:1", typed: str | None = None) -> Ran:
    """Run the command, in a process of its own with a terminal as its stdin where something is typed into it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIVIVE_")}
    environment |= {"QUIVIVE_SERVER": server, "QUIVIVE_DATA_DIR": os.devnull, "XDG_CONFIG_HOME": os.devnull}
    if typed is None:
        return run_here(arguments, environment)
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, typed.encode())
        done = subprocess.run(
            [sys.executable, "-c", "from quivive.cli import main; main()", *arguments],
            env=environment,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert "Traceback" not in done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def at(hour: int, minute: int = 0) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime(2026, 3, 1, hour, minute, tzinfo=UTC))
    return stamp


SITE = site_pb2.Site(
    name="sites/martin-www",
    customer="customers/martin",
    url="https://www.boulangerie-martin.example/",
    state=outcome_pb2.STATE_DOWN,
    state_time=at(9, 30),
)
INCIDENT = incident_pb2.Incident(
    name="incidents/i1",
    site="sites/martin-www",
    check="sites/martin-www/checks/http",
    customer="customers/martin",
    state=incident_pb2.Incident.STATE_OPEN,
    start_time=at(9, 30),
    confirm_time=at(9, 31),
    cause=outcome_pb2.CAUSE_HTTP_STATUS_5XX,
    responsibility=outcome_pb2.RESPONSIBILITY_HOST,
    regions=["eu-west", "us-east"],
    detail="503 Service Unavailable",
)
FIGURE = sla_pb2.SlaFigure(
    site="sites/martin-www",
    availability=0.9999999,
    completeness=1.0,
    lower_bound=0.9999999,
    upper_bound=0.9999999,
    up_us=3_600_000_000,
    down_us=1_500_000,
    incidents=1,
)


def refuse(
    context: grpc.ServicerContext, code: int, message: str, *violations: tuple[str, str], left_out: int = 0
) -> None:
    status = status_pb2.Status(code=code, message=message)
    if left_out:
        info = error_details_pb2.ErrorInfo(domain="quivive", metadata={"violations_left_out": str(left_out)})
        status.details.add().Pack(info)
    if violations:
        detail = error_details_pb2.BadRequest()
        for place, reason in violations:
            detail.field_violations.add(field=place, description=reason)
        status.details.add().Pack(detail)
    context.abort_with_status(rpc_status.to_status(status))


def test_sites_print_as_json_with_the_promised_names(api: Api) -> None:
    api.answers["ListSites"] = lambda request, context: site_pb2.ListSitesResponse(sites=[SITE])
    (site,) = quivive("site", "list", "--output", "json", server=api.address).json
    assert site["name"] == "sites/martin-www"
    assert site["state"] == "DOWN"
    assert site["customer"] == "customers/martin"
    assert site["url"] == "https://www.boulangerie-martin.example/"
    assert site["state_time"] == "2026-03-01T09:30:00.000Z"


def test_every_page_of_sites_is_fetched(api: Api) -> None:
    def answer(request: site_pb2.ListSitesRequest, context: grpc.ServicerContext) -> site_pb2.ListSitesResponse:
        number = int(request.page_token or 0)
        sites = [site_pb2.Site(name=f"sites/s{number}")]
        return site_pb2.ListSitesResponse(sites=sites, next_page_token=str(number + 1) if number < 2 else "")

    api.answers["ListSites"] = answer
    ran = quivive("site", "list", "--customer", "martin", "--output", "json", server=api.address)
    assert [site["name"] for site in ran.json] == ["sites/s0", "sites/s1", "sites/s2"]
    assert {request.customer for request in api.requests} == {"customers/martin"}


def test_a_table_is_not_cut_where_no_terminal_reads_it(api: Api) -> None:
    api.answers["ListSites"] = lambda request, context: site_pb2.ListSitesResponse(
        sites=[site_pb2.Site(name="sites/" + "x" * 63, url="https://example.org/" + "y" * 200)]
    )
    ran = quivive("site", "list", server=api.address)
    assert "x" * 63 in ran.out
    assert "y" * 200 in ran.out
    assert ran.code == 0


def test_incidents_print_as_json_with_the_promised_names(api: Api) -> None:
    api.answers["ListIncidents"] = lambda request, context: incident_pb2.ListIncidentsResponse(incidents=[INCIDENT])
    ran = quivive("incident", "list", "--site", "martin-www", "--open", "--output", "json", server=api.address)
    (incident,) = ran.json
    assert (
        incident
        | {
            "name": "incidents/i1",
            "site": "sites/martin-www",
            "state": "OPEN",
            "start_time": "2026-03-01T09:30:00.000Z",
            "confirm_time": "2026-03-01T09:31:00.000Z",
            "acknowledge_time": None,
            "resolve_time": None,
            "cause": "HTTP_STATUS_5XX",
            "responsibility": "HOST",
            "regions": ["eu-west", "us-east"],
        }
        == incident
    )
    (request,) = api.requests
    assert (request.subject, request.open_only) == ("sites/martin-www", True)


def test_incidents_stop_at_the_limit(api: Api) -> None:
    api.answers["ListIncidents"] = lambda request, context: incident_pb2.ListIncidentsResponse(
        incidents=[INCIDENT] * request.page_size, next_page_token="more"
    )
    ran = quivive("incident", "list", "--limit", "1500", "--output", "json", server=api.address)
    assert len(ran.json) == 1500
    assert len(api.requests) == 2


def test_an_incident_is_shown_with_its_events(api: Api) -> None:
    shown = incident_pb2.Incident()
    shown.CopyFrom(INCIDENT)
    shown.events.add(time=at(9, 31), kind="confirmed", detail="2 of 3 regions")
    api.answers["GetIncident"] = lambda request, context: shown
    ran = quivive("incident", "show", "i1", "--output", "json", server=api.address)
    assert ran.json["events"] == [{"time": "2026-03-01T09:31:00.000Z", "kind": "confirmed", "detail": "2 of 3 regions"}]
    assert api.requests[0].name == "incidents/i1"
    table = quivive("incident", "show", "incidents/i1", server=api.address).out
    assert "503 Service Unavailable" in table
    assert "confirmed" in table


def test_the_absence_of_a_page_is_explained_with_the_votes_of_then(api: Api) -> None:
    explanation = incident_pb2.Explanation(
        check="sites/martin-www/checks/http", summary="Not paged: it was UP.", quorum=2
    )
    explanation.votes.add(region="eu-west", standing="counted", up=False, end_time=at(9, 31))
    explanation.votes.add(region="us-east", standing="silent")
    explanation.steps.add(time=at(9, 31), kind="attempt", detail="eu-west DOWN: connection refused")
    api.answers["ExplainVerdict"] = lambda request, context: explanation
    ran = quivive("explain", "martin-www", "--at", "2026-03-01T09:32:00Z", "--output", "json", server=api.address)
    assert [(vote["region"], vote["vote"]) for vote in ran.json["votes"]] == [("eu-west", "DOWN"), ("us-east", None)]
    assert (api.requests[0].name, api.requests[0].time.ToDatetime().hour) == ("sites/martin-www", 9)
    table = quivive("explain", "martin-www", server=api.address).out
    assert table.startswith("Not paged: it was UP.")
    assert "connection refused" in table


def test_what_a_site_answered_cannot_steer_the_terminal(api: Api) -> None:
    shown = incident_pb2.Incident(name="incidents/i1", detail="\x1b[2J[bold]gone[/bold]\x07")
    api.answers["GetIncident"] = lambda request, context: shown
    ran = quivive("incident", "show", "i1", server=api.address)
    assert "\x1b" not in ran.out
    assert "\x07" not in ran.out
    assert "[bold]gone[/bold]" in ran.out


def test_the_figure_of_a_site_is_one_object(api: Api) -> None:
    api.answers["QuerySla"] = lambda request, context: sla_pb2.QuerySlaResponse(
        start_time=at(0), end_time=at(1), figures=[FIGURE], mean_availability=0.9999999
    )
    figure = quivive("sla", "martin-www", "--window", "1h", "--output", "json", server=api.address).json
    assert figure["site"] == "sites/martin-www"
    assert figure["availability"] == 0.9999999
    assert (figure["up_seconds"], figure["down_seconds"], figure["unknown_seconds"]) == (3600.0, 1.5, 0.0)
    assert {"completeness", "lower_bound", "upper_bound", "partial_seconds", "maintenance_seconds"} <= set(figure)
    (request,) = api.requests
    start = request.start_time.ToDatetime(tzinfo=UTC)
    assert timedelta(hours=1) <= datetime.now(UTC) - start < timedelta(hours=1, minutes=1)
    assert not request.HasField("end_time")


def test_the_figures_of_a_customer_stand_beside_their_mean(api: Api) -> None:
    nothing = sla_pb2.SlaFigure(site="sites/new")
    api.answers["QuerySla"] = lambda request, context: sla_pb2.QuerySlaResponse(
        start_time=at(0), end_time=at(1), figures=[FIGURE, nothing], mean_availability=0.9999999
    )
    ran = quivive("sla", "customers/martin", "--month", "2026-03", "--output", "json", server=api.address)
    assert [figure["site"] for figure in ran.json["sites"]] == ["sites/martin-www", "sites/new"]
    assert ran.json["sites"][1]["availability"] is None
    assert ran.json["mean_availability"] == 0.9999999
    assert (api.requests[0].subject, api.requests[0].month) == ("customers/martin", "2026-03")


def test_a_percentage_is_never_rounded_up_to_perfection(api: Api) -> None:
    api.answers["QuerySla"] = lambda request, context: sla_pb2.QuerySlaResponse(
        start_time=at(0), end_time=at(1), figures=[FIGURE]
    )
    ran = quivive("sla", "martin-www", "--start", "2026-03-01", "--end", "2026-03-01T01:00:00Z", server=api.address)
    assert "99.999 %" in ran.out
    assert api.requests[0].start_time == at(0)
    assert api.requests[0].end_time == at(1)


def test_a_report_goes_to_stdout_or_into_a_file(api: Api, tmp_path: Path) -> None:
    api.answers["RenderReport"] = lambda request, context: report_pb2.RenderReportResponse(html="<p>été</p>")
    assert quivive("report", "martin", "--month", "2026-03", server=api.address).out == "<p>été</p>"
    file = tmp_path / "martin.html"
    assert quivive("report", "martin", "--month", "2026-03", "-o", str(file), server=api.address).code == 0
    assert file.read_text("utf-8") == "<p>été</p>"
    ran = quivive("report", "martin", "--month", "2026-03", "-o", str(tmp_path / "no/x.html"), server=api.address)
    assert ran.code == 2
    assert "cannot be written: No such file or directory" in ran.err


def test_regions_say_whether_their_votes_count(api: Api) -> None:
    agent = region_pb2.Agent(id="a1", version="0.1.0", checks=30, last_seen_time=at(9))
    api.answers["ListRegions"] = lambda request, context: region_pb2.ListRegionsResponse(
        regions=[
            region_pb2.Region(name="regions/eu-west", declared=True, agents=[agent]),
            region_pb2.Region(name="regions/us-east", declared=True, blind=True, blind_reason="presence gone"),
            region_pb2.Region(name="regions/mars"),
        ]
    )
    records = quivive("region", "list", "--output", "json", server=api.address).json
    assert [(record["name"], record["blind"]) for record in records] == [
        ("regions/eu-west", False),
        ("regions/us-east", True),
        ("regions/mars", False),
    ]
    assert records[0]["agents"][0]["checks"] == 30
    table = quivive("region", "list", server=api.address).out
    assert "presence gone" in table
    assert "nobody declared this region" in table


def test_no_rows_are_said_in_words_and_are_an_empty_array_in_json(api: Api) -> None:
    api.answers["ListIncidents"] = lambda request, context: incident_pb2.ListIncidentsResponse()
    assert quivive("incident", "list", server=api.address).out == "No incident.\n"
    assert quivive("incident", "list", "--output", "json", server=api.address).json == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["sla", "x", "--window", "30"], "--window: 30 has no unit, write 30s"),
        (["sla", "x", "--window", "999999999d"], "is too long"),
        (["sla", "x", "--window", "0s"], "--window: is empty"),
        (["sla", "x", "--window", "1h", "--month", "2026-03"], "give one of --window"),
        (["sla", "x", "--month", "2026-13"], "'2026-13' is not a month such as 2026-03"),
        (["sla", "x", "--end", "2026-03-01"], "--end needs --start"),
        (["sla", "x", "--start", "yesterday"], "'yesterday' is not a time"),
        (["sla", "x", "--start", "2026-03-02", "--end", "2026-03-01"], "must lie before its end"),
        (["sla", "plans/x"], "'plans/x' is not the name of one of the sites"),
        (["incident", "list", "--site", "a", "--customer", "b"], "not both"),
        (["report", "martin", "--month", "March"], "'March' is not a month"),
        (["up", "--regions", "eu-west,eu-west"], "--regions names one twice"),
        (["up", "--regions", "EU"], "--regions: 'EU' is not an id"),
        (["site", "list", "--output", "xml"], "'xml'"),
        (["site", "remove"], "No such command"),
        (["apply"], "--file"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_why(arguments: list[str], reason: str) -> None:
    ran = quivive(*arguments)
    assert ran.code == 2
    assert reason in " ".join(ran.err.split())


def test_a_server_that_is_not_there_ends_with_3_in_one_line() -> None:
    ran = quivive("site", "list", server="127.0.0.1:1")
    assert ran.code == 3
    assert ran.err.startswith("cannot reach the server at 127.0.0.1:1: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "message", "exit_code", "line"),
    [
        (code_pb2.NOT_FOUND, "there is no site x", 4, "there is no site x"),
        (code_pb2.INTERNAL, "an error\nof ours", 1, "the server at ADDRESS failed: INTERNAL: an error of ours"),
        (code_pb2.INVALID_ARGUMENT, "bad subject", 2, "bad subject"),
        (code_pb2.DEADLINE_EXCEEDED, "", 3, "the server at ADDRESS did not answer in time"),
        (code_pb2.RESOURCE_EXHAUSTED, "100 a second", 3, "the server at ADDRESS asks to wait: 100 a second"),
        (
            code_pb2.UNAUTHENTICATED,
            "no token",
            5,
            "the server at ADDRESS does not know you: no token (set QUIVIVE_TOKEN",
        ),
        (code_pb2.PERMISSION_DENIED, "a reader changes nothing", 5, "a reader changes nothing"),
        (code_pb2.ABORTED, "changed meanwhile", 6, "changed meanwhile"),
        (code_pb2.ALREADY_EXISTS, "it is there", 6, "it is there"),
        (code_pb2.FAILED_PRECONDITION, "it is still declared", 6, "it is still declared"),
        (code_pb2.UNAVAILABLE, "the database is away", 3, "cannot reach the server at ADDRESS: the database is away"),
    ],
)
def test_an_error_of_the_server_is_one_line(api: Api, code: int, message: str, exit_code: int, line: str) -> None:
    api.answers["QuerySla"] = lambda request, context: refuse(context, code, message)
    ran = quivive("sla", "x", server=api.address)
    assert ran.code == exit_code
    assert ran.err.startswith(line.replace("ADDRESS", api.address))
    assert ran.err.count("\n") == 1


def test_an_old_server_is_named_as_such(api: Api) -> None:
    def answer(request: Any, context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

    api.answers["ListRegions"] = answer
    assert "is too old for this command" in quivive("region", "list", server=api.address).err


CONFIGURATION = """
customers:
  - {id: martin, name: Boulangerie Martin, plan: premum}
sites:
  - id: martin-www
    customer: martin
    url: https://www.boulangerie-martin.example/
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quivive.yaml"
    path.write_text(CONFIGURATION)
    return path


def changes(request: Any, context: grpc.ServicerContext) -> configuration_pb2.ApplyConfigurationResponse:
    kept = configuration_pb2.Change.ACTION_DELETE if request.prune else configuration_pb2.Change.ACTION_KEEP
    return configuration_pb2.ApplyConfigurationResponse(
        changes=[
            configuration_pb2.Change(action=configuration_pb2.Change.ACTION_CREATE, name="customers/martin"),
            configuration_pb2.Change(
                action=configuration_pb2.Change.ACTION_UPDATE, name="sites/martin-www", fields=["interval: 60s -> 30s"]
            ),
            configuration_pb2.Change(action=kept, name="sites/old"),
        ]
    )


def test_apply_shows_the_differences_and_applies_them(api: Api, file: Path) -> None:
    api.answers["ApplyConfiguration"] = changes
    ran = quivive("apply", "-f", str(file), "--yes", server=api.address)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "+ customers/martin",
        "~ sites/martin-www",
        "    interval: 60s -> 30s",
        "Kept although not declared here (1; --prune removes them): sites/old",
        "Applied 2 changes.",
    ]
    assert [request.validate_only for request in api.requests] == [True, False]
    sent = json.loads(api.requests[0].configuration)
    assert sent["sites"][0]["id"] == "martin-www"


def test_apply_with_prune_removes_and_says_so(api: Api, file: Path) -> None:
    api.answers["ApplyConfiguration"] = changes
    ran = quivive("apply", "-f", str(file), "--yes", "--prune", server=api.address)
    assert "- sites/old" in ran.out
    assert all(request.prune for request in api.requests)


def test_a_dry_run_applies_nothing(api: Api, file: Path) -> None:
    api.answers["ApplyConfiguration"] = changes
    ran = quivive("apply", "-f", str(file), "--dry-run", server=api.address)
    assert ran.out.endswith("2 changes to apply.\n")
    assert [request.validate_only for request in api.requests] == [True]


def test_without_a_terminal_apply_needs_yes(api: Api, file: Path) -> None:
    api.answers["ApplyConfiguration"] = changes
    ran = quivive("apply", "-f", str(file), server=api.address)
    assert ran.code == 2
    assert "give --yes or --dry-run" in ran.err
    assert [request.validate_only for request in api.requests] == [True]


@pytest.mark.parametrize(
    ("typed", "code", "applied"), [("y\n", 0, [True, False]), ("n\n", 1, [True]), ("\n", 1, [True])]
)
def test_at_a_terminal_apply_asks(api: Api, file: Path, typed: str, code: int, applied: list[bool]) -> None:
    api.answers["ApplyConfiguration"] = changes
    ran = quivive("apply", "-f", str(file), server=api.address, typed=typed)
    assert ran.code == code
    assert "Apply 2 changes? [y/N]" in ran.out
    assert [request.validate_only for request in api.requests] == applied


def test_nothing_to_change_is_said_and_not_asked(api: Api, file: Path) -> None:
    api.answers["ApplyConfiguration"] = lambda request, context: configuration_pb2.ApplyConfigurationResponse()
    ran = quivive("apply", "-f", str(file), server=api.address)
    assert (ran.code, ran.out) == (0, "Nothing to change.\n")


def test_what_the_server_refuses_is_shown_where_the_file_says_it(api: Api, file: Path) -> None:
    def answer(request: Any, context: grpc.ServicerContext) -> None:
        refuse(
            context,
            code_pb2.INVALID_ARGUMENT,
            "2 problems",
            ("sites[0].interval", "shorter than 10s"),
            ("customers[0].plan", "there is no plan premum (did you mean premium?)"),
            left_out=7,
        )

    api.answers["ApplyConfiguration"] = answer
    ran = quivive("apply", "-f", str(file), "--yes", server=api.address)
    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"{file}:3: customers[0].plan: there is no plan premum (did you mean premium?)",
        f"{file}:5: sites[0].interval: shorter than 10s",
        "and 7 more, which the server will name once these are corrected",
    ]


def test_a_wrong_file_never_reaches_the_server(api: Api, file: Path) -> None:
    file.write_text(CONFIGURATION + "    interval: 30\n    colour: red\n")
    ran = quivive("apply", "-f", str(file), "--yes", server=api.address)
    assert ran.code == 2
    assert ran.err.splitlines()[0] == f"{file}:8: sites[0].interval: 30 has no unit, write 30s"
    assert f"{file}:9: sites[0].colour: unknown key" in ran.err
    assert api.requests == []


def test_check_needs_no_server_and_notes_what_is_left_open(file: Path) -> None:
    ran = quivive("check", str(file))
    assert ran.code == 0
    assert ran.out == f"{file}: correct: 1 customer, 1 site\n"
    assert f"note: {file}:3: customers[0].plan: plan premum is not declared here (did you mean premium?)" in ran.err


def test_the_example_is_correct(root: Path) -> None:
    ran = quivive("check", str(root / "examples" / "quivive.yaml"))
    assert (ran.code, ran.err) == (0, "")


def test_help_is_there_for_every_command() -> None:
    for arguments in ([], ["up"], ["apply"], ["check"], ["site", "list"], ["incident", "show"], ["sla"], ["report"]):
        ran = quivive(*arguments, "--help")
        assert ran.code == 0
        assert "Usage: quivive" in ran.out


def test_help_loads_neither_grpc_nor_pydantic() -> None:
    """They take most of a second on a small machine, and help needs none of them."""
    program = (
        "import sys\nfrom quivive.cli.app import app\n"
        "print(sorted({'grpc', 'pydantic', 'rich.table', 'yaml', 'google.protobuf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_version_is_printed() -> None:
    assert quivive("version").out == quivive("--version").out == "quivive 0.1.0\n"
