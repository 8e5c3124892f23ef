"""Streams to files and back, through the broker's own snapshots: consistent while it works."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nats.aio.client import Client

CHUNK_BYTES = 256 * 1024
WITHIN_S = 60.0
"""The broker may have much to gather before it answers."""


class Refused(Exception):
    """The broker did not do it; the text says why."""


async def save(nc: Client, stream: str, file: Path) -> Mapping[str, Any] | None:
    """Write the stream into a file; what `load` needs beside it. None when there is no such stream."""
    inbox = nc.new_inbox()
    chunks = await nc.subscribe(inbox)
    answer = await _ask(nc, f"$JS.API.STREAM.SNAPSHOT.{stream}", {"deliver_subject": inbox, "no_consumers": True})
    if answer.get("error", {}).get("code") == 404:
        await chunks.unsubscribe()
        return None
    _check(answer)
    with file.open("wb") as out:
        while True:
            message = await asyncio.wait_for(chunks.next_msg(timeout=WITHIN_S), WITHIN_S)
            if not message.data:
                break
            out.write(message.data)
            if message.reply:
                await message.respond(b"")
    await chunks.unsubscribe()
    if message.headers and (status := message.headers.get("Status", "200")) not in ("200", "204"):
        raise Refused(
            f"the snapshot of {stream} ended early: {status} {message.headers.get('Description', '')}".strip()
        )
    return {"config": answer["config"], "state": answer["state"]}


async def load(nc: Client, stream: str, file: Path, described: Mapping[str, Any]) -> None:
    """Make the stream from what `save` wrote. Raises Refused, also when there is one already."""
    answer = await _ask(nc, f"$JS.API.STREAM.RESTORE.{stream}", described)
    _check(answer)
    with file.open("rb") as chunks:
        while chunk := chunks.read(CHUNK_BYTES):
            await nc.request(answer["deliver_subject"], chunk, timeout=WITHIN_S)
    done = await nc.request(answer["deliver_subject"], b"", timeout=WITHIN_S)
    _check(json.loads(done.data))


async def _ask(nc: Client, subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    reply = await nc.request(subject, json.dumps(request).encode("utf-8"), timeout=WITHIN_S)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


def _check(answer: Mapping[str, Any]) -> None:
    if "error" in answer:
        raise Refused(f"the broker refused: {answer['error'].get('description', answer['error'])}")
