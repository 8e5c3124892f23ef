"""Agents as processes that share a region, check themselves, and raise the alarm."""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from agents import REGION, WITHIN_S, AgentProcess, Bus, until
from farm import LocalSites
from receivers import WebhookReceiver
from servers import NatsServer

from quivive import subjects
from quivive.bus import Reader, connect, ensure_streams
from quivive.embedded.demo.troubles import Trouble
from quivive.v1.bus_pb2 import Presence
from quivive.v1.outcome_pb2 import OUTCOME_MISSED, OUTCOME_PROBE_ERROR, OUTCOME_UP

CHECKS = range(1, 41)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[LocalSites]:
    sites = LocalSites(tmp_path)
    yield sites
    sites.close()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    nc = await connect(nats_server.url, name="fleet's test")
    await ensure_streams(nc.jetstream())
    reader = Reader(nc, subjects.RESULTS_STREAM, [f"quivive.results.*.{REGION}"])
    yield Bus(nc, reader)
    await reader.close()
    await nc.close()


@pytest.fixture
def new_agent(nats_server: NatsServer, sites: LocalSites, tmp_path: Path) -> Iterator[Callable[[], AgentProcess]]:
    agents: list[AgentProcess] = []

    def make() -> AgentProcess:
        agents.append(AgentProcess(nats_server.url, sites.trusted, tmp_path / f"agent-{len(agents)}.log"))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()


async def presences(bus: Bus, so: Callable[[list[Presence]], bool]) -> list[Presence]:
    """The region's presences once they are so."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            if so(found := await bus.presences()):
                return found
            await asyncio.sleep(0.05)


def shared(count: int) -> Callable[[list[Presence]], bool]:
    """So many agents serve, and every check has exactly one."""
    return lambda found: (
        len(found) == count
        and all(presence.serving for presence in found)
        and sum(presence.slices for presence in found) == 256
        and sum(presence.checks for presence in found) == len(CHECKS)
    )


def gaps(bus: Bus, from_us: int, to_us: int) -> Counter[int]:
    """Slots without an attempt, by check."""
    missing: Counter[int] = Counter()
    for check in CHECKS:
        slots = {seen.slot_us for seen in bus.seen if seen.check == check and seen.outcome != OUTCOME_MISSED}
        first = min(slots)
        expected = range(first, to_us, 1_000_000)
        missing[check] = len({slot for slot in expected if slot >= from_us} - slots)
    return +missing


def now_us() -> int:
    return time.time_ns() // 1000


async def test_agents_share_a_region_and_none_that_comes_or_goes_leaves_a_slot_unseen(
    bus: Bus, sites: LocalSites, new_agent: Callable[[], AgentProcess]
) -> None:
    site = sites.add("bakery")
    for check in CHECKS:
        await bus.declare(check, site.url)
    first, second = new_agent(), new_agent()
    first.start()
    await presences(bus, shared(1))
    from_us = now_us() + 1_000_000
    second.start()
    alike = await presences(bus, shared(2))
    assert all(60 < presence.slices < 196 for presence in alike)
    await asyncio.sleep(1.5)
    code, took_s = await asyncio.to_thread(first.stop)
    assert (code, took_s < 5) == (0, True)
    await presences(bus, shared(1))
    to_us = now_us()
    await bus.wait_for(lambda seen: seen.slot_us > to_us + 1_000_000, len(CHECKS))
    assert gaps(bus, from_us, to_us) == Counter()


async def test_a_dead_agent_is_covered_within_two_presence_periods(
    bus: Bus, sites: LocalSites, new_agent: Callable[[], AgentProcess]
) -> None:
    site = sites.add("bakery")
    for check in CHECKS:
        await bus.declare(check, site.url)
    agents = [new_agent(), new_agent()]
    for agent in agents:
        agent.start()
    await presences(bus, shared(2))
    agents[0].close()
    died_us = now_us()
    await bus.wait_for(lambda seen: seen.slot_us > died_us + 12_000_000, 2 * len(CHECKS))
    for check in CHECKS:
        slots = [seen.slot_us for seen in bus.seen if seen.check == check and seen.slot_us > died_us]
        assert min(slots) - died_us < 10_000_000 + 1_500_000


async def test_while_two_references_fail_results_are_placeholders_and_presence_says_so(
    bus: Bus, sites: LocalSites, new_agent: Callable[[], AgentProcess]
) -> None:
    site, one, two = sites.add("bakery"), sites.add("one"), sites.add("two")
    await bus.declare(1, site.url)
    agent = new_agent()
    agent.start(QUIVIVE_REFERENCES=f"{one.url},{two.url},broker")
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP)
    one.become(Trouble.REFUSED)
    two.become(Trouble.REFUSED)
    # The site's own failure makes the agent look at the references at once.
    site.become(Trouble.REFUSED)
    found = await bus.wait_for(lambda seen: seen.outcome == OUTCOME_PROBE_ERROR, 2)
    assert {seen.attempt for seen in found} == {-1}
    (presence,) = await presences(bus, lambda found: len(found) == 1 and found[0].self_check_failing)
    assert one.url in presence.self_check_reason
    assert "quivive_agent_self_check_failing 1.0" in await agent.metrics()
    for each in (site, one, two):
        each.heal()
    await presences(bus, lambda found: len(found) == 1 and not found[0].self_check_failing)
    healed_us = now_us()
    await bus.wait_for(lambda seen: seen.outcome == OUTCOME_UP and seen.slot_us > healed_us)


async def test_an_agent_that_lost_the_aggregator_raises_the_alarm_once_and_takes_it_back(
    bus: Bus, new_agent: Callable[[], AgentProcess]
) -> None:
    receiver = WebhookReceiver()
    new_agent().start(QUIVIVE_ALARM_URL=receiver.url, QUIVIVE_ALARM_SECRET="a key", QUIVIVE_ALARM_AFTER="2")
    bucket = await bus.nc.jetstream().key_value(subjects.PRESENCE_BUCKET)

    await until(lambda: len(receiver.posts) == 1)
    (post,) = receiver.posts
    assert post.content["kind"] == "aggregator.lost"
    assert (post.content["region"], post.content["broker_connected"]) == (REGION, True)
    timestamp = post.headers["x-quivive-timestamp"]
    expected = hmac.new(b"a key", timestamp.encode() + b"." + post.body, "sha256").hexdigest()
    assert post.headers["x-quivive-signature"] == f"sha256={expected}"
    await bucket.put(subjects.AGGREGATOR_KEY, Presence(agent="aggregator").SerializeToString())
    await until(lambda: len(receiver.posts) == 2)
    assert receiver.posts[1].content["kind"] == "aggregator.heard_again"
    assert receiver.posts[1].content["since"] == post.content["since"]
    receiver.close()


async def test_of_a_regions_agents_only_the_first_raises_the_alarm(
    bus: Bus, new_agent: Callable[[], AgentProcess]
) -> None:
    receiver = WebhookReceiver()
    bucket = await bus.nc.jetstream().key_value(subjects.PRESENCE_BUCKET)
    agents = [new_agent(), new_agent()]
    for agent in agents:
        agent.start(QUIVIVE_ALARM_URL=receiver.url, QUIVIVE_ALARM_AFTER="3")
    found: list[Presence] = []
    async with asyncio.timeout(WITHIN_S):
        while len([presence for presence in found if presence.serving]) < 2:
            await bucket.put(subjects.AGGREGATOR_KEY, Presence(agent="aggregator").SerializeToString())
            found = await bus.presences()
            await asyncio.sleep(0.1)
    await until(lambda: all("aggregator.lost" in agent.log.read_text("utf-8") for agent in agents))
    await until(lambda: len(receiver.posts) == 1)
    names = [presence.agent for presence in await bus.presences() if presence.region]
    assert receiver.posts[0].content["agent"] == min(names)
    await bucket.put(subjects.AGGREGATOR_KEY, Presence(agent="aggregator").SerializeToString())
    await until(lambda: all("aggregator.heard_again" in agent.log.read_text("utf-8") for agent in agents))
    await until(lambda: len(receiver.posts) == 2)
    assert [post.content["agent"] for post in receiver.posts] == [min(names)] * 2
    receiver.close()


async def test_a_spool_that_another_agent_uses_ends_it_with_one_line_and_code_2(
    bus: Bus, new_agent: Callable[[], AgentProcess], tmp_path: Path
) -> None:
    first, second = new_agent(), new_agent()
    first.start(QUIVIVE_SPOOL_DIR=str(tmp_path / "spool"))
    await first.ready()
    code = await asyncio.to_thread(second.start(QUIVIVE_SPOOL_DIR=str(tmp_path / "spool")).wait, WITHIN_S)
    assert code == 2
    assert second.log.read_text("utf-8").startswith("QUIVIVE_SPOOL_DIR: another agent uses ")


async def test_wrong_references_end_it_with_one_line_and_code_2(new_agent: Callable[[], AgentProcess]) -> None:
    agent = new_agent()
    assert await asyncio.to_thread(agent.start(QUIVIVE_REFERENCES="anchor.example").wait, WITHIN_S) == 2
    assert agent.log.read_text("utf-8").startswith("QUIVIVE_REFERENCES: ")
