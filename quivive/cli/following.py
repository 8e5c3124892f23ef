"""Streams that go on: when one ends, the next begins where it ended."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from quivive.cli.connection import channel_to, failure
from quivive.cli.servers import chosen

SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
"""Statuses after which a stream is resumed."""


def _to_stderr(text: str) -> None:
    if text:
        print(text, file=sys.stderr)


def followed(
    server: str, method: Callable[[grpc.Channel], Any], request: Any, on_state: Callable[[str], None] | None = None
) -> Iterator[Any]:
    """The stream's messages without end. `request` gets the resume token of each; a token that is too old is dropped.

    A server that was never reached is a Failure; later on, trouble is told to `on_state` and waited out.
    """
    target = chosen(server)
    tell = on_state or (_to_stderr)
    reached, wait = False, SHORTEST_WAIT_S
    with channel_to(target) as channel:
        while True:
            try:
                for message in method(channel)(request):
                    if message.resume_token:
                        request.resume_token = message.resume_token
                    if not reached or wait > SHORTEST_WAIT_S:
                        reached, wait = True, SHORTEST_WAIT_S
                        tell("")
                    yield message
            except grpc.RpcError as error:
                code = error.code()
                if code is grpc.StatusCode.OUT_OF_RANGE and request.resume_token:
                    request.resume_token = ""
                    tell("what happened meanwhile is not kept so long: beginning anew")
                    continue
                if code not in AGAIN or not reached:
                    raise failure(error, target.address) from None
                tell(f"{target.address}: {code.name.lower().replace('_', ' ')}; trying again")
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
