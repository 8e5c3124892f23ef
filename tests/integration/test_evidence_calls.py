"""Corrections, the evidence log and erasures as the api answers for them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import grpc
import pytest
from api_server import CONFIGURATION, Api, refusal, running_api

from aggregator import database
from aggregator.migrate import migrate
from aggregator.seal.sealer import Sealer
from quivive.domain.words import State
from quivive.evidence.chain import Entry, verify
from quivive.evidence.exported import from_message
from quivive.v1 import evidence_pb2, evidence_pb2_grpc, incident_pb2, outcome_pb2, report_pb2

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def outage(api: Api) -> None:
    """One outage of an hour, on record."""
    await api.apply(CONFIGURATION)
    api.incident("martin-www", "outage-1", START, START + HOUR)
    api.intervals("martin-www", (START - HOUR, START, State.UP), (START, START + HOUR, State.DOWN))
    api.rows("UPDATE quivive.state_intervals SET incident_id = 'outage-1' WHERE state = %s", int(State.DOWN))


async def seal_all(api: Api) -> None:
    async with database.pool(api.database_url) as pool:
        while await Sealer(pool).seal_some():
            pass


async def entries(api: Api, customer: str = "", page_size: int = 1000) -> list[Entry]:
    stub = evidence_pb2_grpc.EvidenceServiceStub(api.channel)
    found: list[Entry] = []
    request = evidence_pb2.ListEvidenceEntriesRequest(customer=customer, page_size=page_size)
    while True:
        response = await stub.ListEvidenceEntries(request)
        found += [from_message(entry) for entry in response.entries]
        request.page_token = response.next_page_token
        if not request.page_token:
            return found


def correction(**fields: object) -> incident_pb2.CorrectIncidentRequest:
    given = {"name": "incidents/outage-1", "author": "Zoé", "reason": "the customer's own change", "counted": False}
    return incident_pb2.CorrectIncidentRequest(**{**given, **fields})  # type: ignore[arg-type]


async def erase(api: Api) -> str:
    request = evidence_pb2.EraseCustomerRequest(name="customers/martin", author="Zoé", reason="asked for by letter")
    response = await evidence_pb2_grpc.EvidenceServiceStub(api.channel).EraseCustomer(request)
    return str(response.chain)


async def test_a_correction_is_an_event_with_author_and_reason_and_the_last_one_holds(api: Api) -> None:
    await outage(api)
    customer = outcome_pb2.RESPONSIBILITY_CUSTOMER
    answer = await api.incidents.CorrectIncident(correction(responsibility=customer))
    (corrected,) = answer.corrections
    assert (corrected.author, corrected.reason, corrected.counted, corrected.responsibility) == (
        *("Zoé", "the customer's own change", False),
        customer,
    )
    assert answer.responsibility == outcome_pb2.RESPONSIBILITY_HOST
    assert (answer.events[-1].kind, answer.events[-1].detail) == (
        "corrected",
        "does not count, responsibility CUSTOMER: the customer's own change (Zoé)",
    )
    spans = "SELECT site_id, start_time, end_time, incident_id FROM quivive.excluded_spans"
    assert api.rows(spans) == [("martin-www", START, START + HOUR, "outage-1")]
    await api.incidents.CorrectIncident(correction(counted=True, reason="he denies it", author="Ana"))
    assert api.rows(spans) == []
    await seal_all(api)
    said = [dict(entry.content or {}) for entry in await entries(api, "customers/martin")]
    assert [entry["correction"] for entry in said if entry["kind"] == "incident.corrected"] == [
        {"author": "Zoé", "reason": "the customer's own change", "counted": False, "responsibility": "CUSTOMER"},
        {"author": "Ana", "reason": "he denies it", "counted": True, "responsibility": None},
    ]


async def test_a_correction_that_is_sent_twice_is_recorded_once(api: Api) -> None:
    await outage(api)
    request = correction(request_id=str(UUID(int=7)))
    await api.incidents.CorrectIncident(request)
    answer = await api.incidents.CorrectIncident(request)
    assert len(answer.corrections) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"author": " "}, "author"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 3000}, "reason"),
        ({"author": "a\x1bb"}, "author"),
        ({"counted": None}, "counted"),
        ({"request_id": "7"}, "request_id"),
    ],
)
async def test_a_correction_says_who_and_why(api: Api, fields: dict[str, object], field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await api.incidents.CorrectIncident(correction(**fields))
    assert refusal(error.value).violations[0][0] == field


async def test_only_an_incident_that_is_there_is_corrected(api: Api) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await api.incidents.CorrectIncident(correction(name="incidents/nothing"))
    assert refusal(error.value).reason == "INCIDENT_NOT_FOUND"


async def test_entries_come_in_pages_that_make_one_chain(api: Api) -> None:
    await outage(api)
    for _ in range(5):
        await api.incidents.CorrectIncident(correction())
    await seal_all(api)
    found = await entries(api, "customers/martin", page_size=2)
    (verified,) = verify(found)
    assert verified.head.sequence == len(found) == 10


async def test_the_entries_of_nobody_are_refused(api: Api) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await entries(api, "customers/nobody")
    assert refusal(error.value).reason == "CUSTOMER_NOT_FOUND"


async def test_a_customer_who_is_declared_is_not_erased(api: Api) -> None:
    await outage(api)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await erase(api)
    assert refusal(error.value).code is grpc.StatusCode.FAILED_PRECONDITION
    assert refusal(error.value).reason == "CUSTOMER_DECLARED"
    assert api.rows("SELECT count(*) FROM quivive.incidents") == [(1,)]


PERSONAL = ("martin", "Martin", "boulangerie", "Boulangerie", "Paris")


def mentions(api: Api) -> list[str]:
    """The tables of ours that still have a word of the customer."""
    tables = api.rows(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'quivive'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    return [
        table
        for (table,) in tables
        for word in PERSONAL
        if api.rows(f"SELECT 1 FROM quivive.{table} AS t WHERE t::text LIKE '%%' || %s || '%%' LIMIT 1", word)
    ]


async def test_an_erasure_leaves_hashes_and_no_word_of_the_customer(storage_url: str, nats_url: str) -> None:
    migrate(storage_url)
    async with running_api(storage_url, nats_url) as api:
        await outage(api)
        check = api.check_id("martin-www")
        if api.rows("SELECT 1 FROM quivive.storage WHERE partitions = 'native'"):
            api.rows("SELECT quivive.make_partition(%s)", START.date())
        api.rows(
            "INSERT INTO quivive.results SELECT %s, %s, %s, 1, 0, 0, 0, 0, 0, region_id, 0, 2, 41, 503"
            " FROM quivive.regions WHERE name = 'eu-west'",
            *(check, START, START),
        )
        evidence = '{"url": "https://www.boulangerie-martin.example/"}'
        api.rows("INSERT INTO quivive.evidence VALUES (%s, %s, 1, 0, %s)", check, START, evidence)
        await api.incidents.CorrectIncident(correction())
        await seal_all(api)
        before = await entries(api, "customers/martin")
        other = {**CONFIGURATION["customers"][0], "id": "dupont", "name": "Dupont", "timezone": "Europe/Rome"}
        site = {"id": "dupont-www", "customer": "dupont", "url": "https://dupont.example/"}
        await api.apply({**CONFIGURATION, "customers": [other], "sites": [site]}, prune=True)
        api.incident("dupont-www", "outage-2", START, START + HOUR)

        chain = await erase(api)

        assert mentions(api) == []
        assert api.rows("SELECT count(*) FROM quivive.results") == [(0,)]
        assert api.rows("SELECT incident_id, customer_id FROM quivive.incidents") == [("outage-2", "dupont")]
        await seal_all(api)
        after = [entry for entry in await entries(api) if str(entry.chain) == chain]
        verified = verify(after)
        assert [item.erased for item in verified] == [len(before)]
        assert [entry.hash for entry in after[: len(before)]] == [entry.hash for entry in before]
        content = dict(after[-1].content or {})
        assert (content["kind"], content["author"], content["reason"]) == (
            "customer.erased",
            "Zoé",
            "asked for by letter",
        )
        # What the customer kept himself still proves itself.
        verify(before)


async def test_a_report_names_the_newest_entry_of_the_customers_log(api: Api) -> None:
    await outage(api)
    request = report_pb2.RenderReportRequest(customer="customers/martin", month="2026-03")
    assert "empreinte" not in (await api.reports.RenderReport(request)).html  # nothing is sealed yet
    await seal_all(api)
    newest = (await entries(api, "customers/martin"))[-1]
    assert newest.hash.hex() in (await api.reports.RenderReport(request)).html
