"""What is kept of a failing attempt, within bounds and without secrets."""

import httpx

from probe_agent.connect import Course
from probe_agent.results import Evidence

HEADERS_BYTES = 4096
DETAIL_CHARACTERS = 500
URL_CHARACTERS = 2048

# They carry sessions.
_SECRET = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate"})


def gather(
    detail: str, course: Course, url: str | httpx.URL, response: httpx.Response | None, excerpt: str
) -> Evidence:
    """The evidence of an attempt that ended in `detail`; `response` is the last one, if any."""
    return Evidence(
        detail=detail[:DETAIL_CHARACTERS],
        address=course.address,
        url=_without_credentials(url)[:URL_CHARACTERS],
        headers=_within_bounds(response.headers) if response is not None else (),
        # U+0000 cannot be stored as text.
        body_excerpt=excerpt.replace("\0", "\ufffd"),
        certificate_expire_us=course.certificate_expire_us,
    )


def _without_credentials(url: str | httpx.URL) -> str:
    try:
        return str(httpx.URL(url).copy_with(userinfo=b""))
    except httpx.InvalidURL:
        return ""


def _within_bounds(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    kept, left = [], HEADERS_BYTES
    for name, value in headers.items():
        left -= len(name.encode()) + len(value.encode())
        if left < 0:
            break
        if name not in _SECRET:
            kept.append((name, value.replace("\0", "\ufffd")))
    return tuple(kept)
