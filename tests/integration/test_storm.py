"""Five hundred sites fall with one host: one page at once, its list complete soon after the last, every incident on its own."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from declaring import REGIONS, declare, declare_channel, rows
from publishing import AggregatorProcess, Attempt, Publisher, eventually, now_us
from receivers import WebhookReceiver

from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.domain.words import Cause, Outcome

SITES = 500
WAVES = 10
STAGGER_S = 10.0
"""Three regions at 30 s look every ten."""


@pytest.fixture
def posts() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    connected = await Publisher.connect(nats_url)
    yield connected
    await connected.close()


async def fail(publisher: Publisher, checks: list[int]) -> None:
    """Two regions find them down, twice each; a batch a shard."""
    shards: dict[int, list[int]] = defaultdict(list)
    for check in checks:
        shards[shard_of(check, DEFAULT_SHARDS)].append(check)
    for region in REGIONS[:2]:
        for members in shards.values():
            slot_us = now_us() - 1_500_000
            for number, ago_us in ((0, 1_200_000), (1, 200_000)):
                attempts = [
                    Attempt(
                        check, Outcome.DOWN, Cause.TCP_REFUSED, number, slot_us, ago_us, detail="connection refused"
                    )
                    for check in members
                ]
                await publisher.results(region, *attempts)


async def test_five_hundred_sites_behind_one_host_are_one_page_a_target(
    migrated_url: str,
    nats_url: str,
    publisher: Publisher,
    posts: WebhookReceiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOOK_KEY", "hunter2")
    checks = declare(migrated_url, sites=SITES)
    declare_channel(migrated_url, "hook", "webhook", ["incidents"], url=posts.url, secret="HOOK_KEY")
    aggregator = AggregatorProcess(tmp_path / "log", migrated_url, nats_url).start()
    try:
        await eventually(lambda: aggregator.says("watch.begun"), "the aggregator", within_s=60)
        for region in REGIONS:
            await publisher.presence(region)
        for wave in range(WAVES):
            await fail(publisher, checks[wave::WAVES])
            await asyncio.sleep(0.3)
        unsent = "SELECT 1 FROM quivive.outbox WHERE sent_time IS NULL"
        told = "SELECT count(*) FROM quivive.incidents WHERE page_time IS NOT NULL"
        await eventually(
            lambda: rows(migrated_url, told) == [(SITES,)] and not rows(migrated_url, unsent),
            "everybody told",
            within_s=90,
        )
    finally:
        aggregator.stop()
    named = [
        {
            post.content["incident"]["name"],
            *(other["name"] for other in post.content.get("group", {}).get("others", [])),
        }
        for post in posts.posts
    ]
    assert len(set.union(*named)) == sum(map(len, named)) == SITES, "each incident is told once"
    assert len(posts.posts) <= 5, "capped: the page, and a few updates"
    assert rows(migrated_url, "SELECT count(*), count(DISTINCT group_id) FROM quivive.incidents") == [(SITES, 1)]
    ((first_s, complete_s),) = rows(
        migrated_url,
        "SELECT extract(epoch FROM min(page_time) - min(confirm_time))::float8,"
        " extract(epoch FROM max(page_time) - max(confirm_time))::float8 FROM quivive.incidents",
    )
    print(f"first page {first_s:.2f} s after the first confirmation, list complete {complete_s:.2f} s after the last")
    assert first_s <= 20, "2 s on a machine of its own"
    assert complete_s <= 3 * STAGGER_S, "one stagger step on a machine of its own"
