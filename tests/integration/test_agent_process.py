"""The whole agent as a process, on a real broker, looking at real sites."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from agents import REGION, REGIONS, WITHIN_S, AgentProcess, Bus, until
from farm import LocalSite, LocalSites
from google.protobuf.timestamp_pb2 import Timestamp
from servers import NatsServer

from quivive import subjects
from quivive.bus import Reader, connect, ensure_streams
from quivive.domain.checks import next_slot_us
from quivive.embedded.demo.troubles import Trouble
from quivive.v1.bus_pb2 import ConfirmRequest
from quivive.v1.outcome_pb2 import (
    CAUSE_AGENT_OVERLOADED,
    CAUSE_HTTP_STATUS_5XX,
    CAUSE_TCP_REFUSED,
    OUTCOME_DOWN,
    OUTCOME_MISSED,
    OUTCOME_UP,
)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[LocalSites]:
    sites = LocalSites(tmp_path)
    yield sites
    sites.close()


@pytest.fixture
def site(sites: LocalSites) -> LocalSite:
    return sites.add("bakery")


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    nc = await connect(nats_server.url, name="agent's test")
    await ensure_streams(nc.jetstream())
    reader = Reader(nc, subjects.RESULTS_STREAM, [f"quivive.results.*.{REGION}"])
    yield Bus(nc, reader)
    await reader.close()
    await nc.close()


@pytest.fixture
def agent(nats_server: NatsServer, sites: LocalSites, tmp_path: Path) -> Iterator[AgentProcess]:
    agent = AgentProcess(nats_server.url, sites.trusted, tmp_path / "agent.log")
    yield agent
    agent.close()


async def test_declared_sites_are_looked_at_on_their_grid(
    bus: Bus, agent: AgentProcess, site: LocalSite, sites: LocalSites
) -> None:
    await bus.declare(1, site.url)
    await bus.declare(2, sites.add("shop", https=True).url)
    agent.start()
    await agent.ready()
    for id_ in (1, 2):
        found = await bus.wait_for(lambda seen, id_=id_: seen.check == id_, 4)  # type: ignore[misc]
        assert {(seen.outcome, seen.attempt) for seen in found} == {(OUTCOME_UP, 0)}
        slots = [seen.slot_us for seen in found]
        assert slots == [slots[0] + index * 1_000_000 for index in range(4)]
        assert slots[0] == next_slot_us(slots[0] - 1, id_, REGION, REGIONS, 1_000_000)
        assert all(0 <= seen.time_us - seen.slot_us < 3_000_000 for seen in found)
    metrics = await agent.metrics()
    assert "quivive_agent_checks 2.0" in metrics
    assert 'quivive_agent_attempts_total{outcome="UP"}' in metrics
    assert "quivive_agent_slot_lateness_seconds_count" in metrics


async def test_a_failure_is_told_before_the_next_attempt_is_made_and_a_good_one_ends_them(
    bus: Bus, agent: AgentProcess, site: LocalSite
) -> None:
    await bus.declare(1, site.url, interval_s=3)
    agent.start()
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP)
    site.become(Trouble.UNAVAILABLE)
    first, second = await bus.wait_for(lambda seen: seen.outcome == OUTCOME_DOWN, 2)
    assert (first.attempt, second.attempt) == (0, 1)
    assert first.slot_us == second.slot_us
    assert first.cause == second.cause == CAUSE_HTTP_STATUS_5XX
    assert 450_000 < second.time_us - first.time_us < 1_500_000
    site.become(Trouble.REFUSED)
    await bus.wait_for(lambda seen: seen.cause == CAUSE_TCP_REFUSED)
    site.heal()
    healed_us = bus.seen[-1].slot_us
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP and seen.slot_us > healed_us and seen.attempt == 0)


async def test_a_confirmation_is_made_at_once_under_the_suspicions_slot_and_only_once(
    bus: Bus, agent: AgentProcess, site: LocalSite
) -> None:
    await bus.declare(1, site.url, interval_s=3600)
    agent.start()
    await agent.ready()
    site.become(Trouble.UNAVAILABLE)
    slot_us = time.time_ns() // 1000 - 1_500_000
    deadline = Timestamp()
    deadline.FromMicroseconds(slot_us + 10_000_000)
    asked_us = time.time_ns() // 1000

    async def ask(**changes: int) -> None:
        fields = {"check": 1, "revision": 1, "slot_us": slot_us, "first_attempt": 10, "attempts": 2, **changes}
        await bus.nc.publish(subjects.confirm(REGION), ConfirmRequest(deadline=deadline, **fields).SerializeToString())

    await ask(revision=2)
    await ask(check=99)
    await ask(first_attempt=0)
    await ask(slot_us=slot_us - 3_600_000_000)
    await bus.nc.publish(subjects.confirm(REGION), b"\xff\xff")
    for _ in range(3):
        await ask()
    found = await bus.wait_for(lambda seen: True, 2)
    assert [(seen.attempt, seen.outcome, seen.slot_us) for seen in found] == [
        (10, OUTCOME_DOWN, slot_us),
        (11, OUTCOME_DOWN, slot_us),
    ]
    assert found[0].time_us - asked_us < 1_000_000
    site.heal()
    await ask(first_attempt=12)
    await bus.wait_for(lambda seen: seen.attempt == 12 and seen.outcome == OUTCOME_UP)
    assert [seen.attempt for seen in bus.seen] == [10, 11, 12]
    metrics = await agent.metrics()
    assert 'quivive_agent_confirmations_total{result="started"} 2.0' in metrics
    assert 'quivive_agent_confirmations_total{result="repeated"} 2.0' in metrics
    assert 'quivive_agent_confirmations_total{result="unknown"} 2.0' in metrics


async def test_changes_take_effect_within_two_seconds(
    bus: Bus, agent: AgentProcess, site: LocalSite, sites: LocalSites
) -> None:
    agent.start()
    await agent.ready()
    await bus.declare(1, site.url)
    declared_us = time.time_ns() // 1000
    (first,) = await bus.wait_for(lambda seen: seen.revision == 1)
    assert first.slot_us - declared_us < 2_000_000
    await bus.declare(1, sites.add("other").url, revision=2)
    changed_us = time.time_ns() // 1000
    (second,) = await bus.wait_for(lambda seen: seen.revision == 2)
    assert second.slot_us - changed_us < 2_000_000
    await bus.withdraw(1)
    withdrawn_us = time.time_ns() // 1000
    await bus.declare(2, site.url)
    await bus.wait_for(lambda seen: seen.check == 2, 4)
    assert max(seen.slot_us for seen in bus.seen if seen.check == 1) < withdrawn_us + 1_000_000
    await bus.declare(2, "gopher://nowhere/", revision=2)
    async with asyncio.timeout(WITHIN_S):
        while "quivive_agent_checks 0.0" not in await agent.metrics():
            continue


async def test_the_agent_shows_itself_while_it_lives_and_leaves_without_a_trace(
    bus: Bus, agent: AgentProcess, site: LocalSite
) -> None:
    await bus.declare(1, site.url)
    process = agent.start()
    await agent.ready()
    (presence,) = await bus.presences()
    assert (presence.region, presence.simulated) == (REGION, True)
    assert abs(presence.time.ToMicroseconds() - time.time_ns() // 1000) < 10_000_000
    assert abs(presence.clock_offset_us) < 1_000_000
    await bus.wait_for(lambda seen: True)
    started = psutil.Process(process.pid)
    code, took_s = agent.stop()
    assert code == 0
    assert took_s < 5
    assert not started.is_running()
    assert await bus.presences() == []
    assert '"agent.stopped"' in agent.log.read_text("utf-8")


async def test_stopping_in_the_middle_of_an_attempt_leaves_no_slot_without_a_word(
    bus: Bus, agent: AgentProcess, site: LocalSite
) -> None:
    await bus.declare(1, site.url)
    agent.start()
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP)
    site.become(Trouble.HANGING)
    requests = site.requests
    await until(lambda: site.requests > requests)
    code, took_s = await asyncio.to_thread(agent.stop)
    assert (code, took_s < 5) == (0, True)
    last = await bus.wait_for(lambda seen: seen.outcome != OUTCOME_UP)
    slots = sorted({seen.slot_us for seen in bus.seen})
    assert slots == list(range(slots[0], slots[-1] + 1, 1_000_000))
    assert last[0].slot_us in slots


async def test_slots_for_which_there_is_no_place_are_reported_as_missed(
    bus: Bus, agent: AgentProcess, site: LocalSite
) -> None:
    site.become(Trouble.HANGING)
    await bus.declare(1, site.url)
    agent.start(QUIVIVE_CONCURRENCY="1")
    missed = await bus.wait_for(lambda seen: seen.outcome == OUTCOME_MISSED, 3)
    assert {(seen.attempt, seen.cause) for seen in missed} == {(-1, CAUSE_AGENT_OVERLOADED)}
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_DOWN, 3)
    first_us, last_us = min(seen.slot_us for seen in bus.seen), missed[-1].slot_us
    assert set(range(first_us, last_us + 1, 1_000_000)) <= {seen.slot_us for seen in bus.seen}


async def test_it_waits_for_a_broker_that_is_not_there_and_can_be_stopped_meanwhile(
    bus: Bus, agent: AgentProcess, nats_server: NatsServer, site: LocalSite
) -> None:
    await bus.declare(1, site.url)
    await asyncio.to_thread(nats_server.kill)
    agent.start()
    await until(lambda: "health.opened" in agent.log.read_text("utf-8"))
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{agent.port}/livez")).status_code == 200
        assert (await client.get(f"http://127.0.0.1:{agent.port}/readyz")).status_code == 503
    code, took_s = await asyncio.to_thread(agent.stop)
    assert (code, took_s < 5) == (0, True)
    agent.start()
    await asyncio.to_thread(nats_server.start)
    await ensure_streams(bus.nc.jetstream())
    await agent.ready()
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP)


async def test_it_can_be_stopped_while_the_broker_is_away(
    bus: Bus, agent: AgentProcess, nats_server: NatsServer, site: LocalSite
) -> None:
    await bus.declare(1, site.url)
    agent.start()
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP)
    await asyncio.to_thread(nats_server.kill)
    code, took_s = await asyncio.to_thread(agent.stop, signal.SIGINT)
    assert (code, took_s < 5) == (0, True)


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"QUIVIVE_REGION": "EU West"}, "QUIVIVE_REGION"),
        ({"SSL_CERT_FILE": "missing.pem"}, "SSL_CERT_FILE: there is no file missing.pem"),
    ],
)
def test_what_the_user_has_to_change_ends_it_with_one_line_and_code_2(
    agent: AgentProcess, environment: dict[str, str], complaint: str
) -> None:
    assert agent.start(**environment).wait(WITHIN_S) == 2
    (line,) = agent.log.read_text("utf-8").splitlines()
    assert line.startswith(complaint)


async def test_a_taken_health_port_ends_it_with_one_line_and_code_2(agent: AgentProcess) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", agent.port)
    assert await asyncio.to_thread(agent.start().wait, WITHIN_S) == 2
    server.close()
    assert "QUIVIVE_HEALTH_PORT" in agent.log.read_text("utf-8").splitlines()[-1]
