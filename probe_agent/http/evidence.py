"""What is kept of a failing attempt, within bounds and without secrets."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

from probe_agent.connect import Course
from probe_agent.expectations import Body
from probe_agent.http.request import Header
from probe_agent.results import Evidence, HopTaken

HEADERS_BYTES = 4096
DETAIL_CHARACTERS = 500
URL_CHARACTERS = 2048
MOST_ADDRESSES = 16

# They carry sessions.
_SECRET = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate"})


def gather(
    detail: str, course: Course, url: str, headers: Iterable[Header], body: Body, hops: Sequence[HopTaken] = ()
) -> Evidence:
    """The evidence of an attempt that ended in `detail`; `headers` and `body` are the last response's, if any."""
    certificate = course.certificate
    return Evidence(
        detail=detail[:DETAIL_CHARACTERS].replace("\0", "\ufffd"),
        address=course.address,
        url=without_credentials(url)[:URL_CHARACTERS],
        headers=_within_bounds(headers),
        # U+0000 cannot be stored as text.
        body_excerpt=body.excerpt.replace("\0", "\ufffd"),
        certificate_expire_us=certificate.not_after_us if certificate is not None else None,
        hops=tuple(hops),
        resolved=course.resolved[:MOST_ADDRESSES],
        certificate=course.sightings[-1] if course.sightings else None,
        body_hash=sha256(body.text.encode("utf-8", "surrogatepass")).hexdigest() if body.characters else "",
        body_characters=body.characters,
    )


def without_credentials(url: str) -> str:
    """A URL as it may be shown; empty for one that cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _within_bounds(headers: Iterable[Header]) -> tuple[tuple[str, str], ...]:
    kept: dict[str, str] = {}
    left = HEADERS_BYTES
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        left -= len(raw_name) + len(value.encode())
        if left < 0:
            break
        if name not in _SECRET:
            value = value.replace("\0", "\ufffd")
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return tuple(kept.items())
