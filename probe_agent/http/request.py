"""Requests as bytes, made once for a target and sent as often as it is looked at."""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Hop:
    """One request, ready to be sent."""

    url: str
    method: str
    host: str
    """As it is resolved and verified: ASCII, without brackets."""
    port: int
    is_secure: bool
    payload: bytes


class BadRequest(Exception):
    """What was declared cannot be said in HTTP."""


def prepare(request: httpx.Request) -> Hop:
    """The hop of an httpx request, its content read already. BadRequest when it cannot be said."""
    url = request.url
    is_secure = url.scheme == "https"
    return Hop(
        url=str(url),
        method=request.method,
        host=url.raw_host.decode("ascii").strip("[]"),
        port=url.port or (443 if is_secure else 80),
        is_secure=is_secure,
        payload=_payload(request.method.encode("ascii"), url.raw_path, request.headers.raw, request.content),
    )


_FORBIDDEN = frozenset(b"\r\n\0")


def _payload(method: bytes, target: bytes, headers: Iterable[Header], content: bytes) -> bytes:
    lines = [b"%s %s HTTP/1.1\r\n" % (method, target)]
    for name, value in headers:
        if not name or not _FORBIDDEN.isdisjoint(name) or not _FORBIDDEN.isdisjoint(value) or b":" in name:
            raise BadRequest(
                f"the request could not be sent: header {name.decode('latin-1')!r} has characters no header has"
            )
        lines.append(b"%s: %s\r\n" % (name, value))
    return b"".join((*lines, b"\r\n", content))
