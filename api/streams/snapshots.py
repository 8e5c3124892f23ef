"""Where a watcher stands: a snapshot of the database's transactions, and how far it got with what came after.

Sequence numbers are given out before transactions commit, so that a later number may be seen first. A snapshot of PostgreSQL says
exactly which transactions were seen; what those did not write is new, whichever was first to commit, and none of it comes twice.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import blake2b

from api.errors import InvalidArgument, invalid_field

_SNAPSHOT = re.compile(r"(\d{1,19}):(\d{1,19}):((?:\d{1,19}(?:,\d{1,19})*)?)", re.ASCII)
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """As `pg_snapshot`: everything before `xmin` is seen, nothing from `xmax` on, and in between all but `running`."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """ValueError when it is none."""
        match = _SNAPSHOT.fullmatch(text)
        if match is None:
            raise ValueError("not a snapshot")
        running = frozenset(int(xid) for xid in match[3].split(",") if xid)
        snapshot = cls(int(match[1]), int(match[2]), running)
        if not 0 < snapshot.xmin <= snapshot.xmax < 2**63 or any(
            not snapshot.xmin <= xid < snapshot.xmax for xid in running
        ):
            raise ValueError("not a snapshot")
        return snapshot

    def sees(self, xid: int) -> bool:
        """Whether what this transaction wrote was there."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.running)))}"


def later(one: Snapshot, other: Snapshot) -> Snapshot:
    """The one that was taken later, of two of the same database."""
    return max(one, other, key=lambda snapshot: (snapshot.xmin, snapshot.xmax, -len(snapshot.running)))


@dataclass(frozen=True, slots=True)
class Place:
    """What `seen` has, and of what came from there to `until` everything up to the change `last`."""

    seen: Snapshot
    until: Snapshot | None = None
    last: int = 0


def encode(place: Place, topic: str) -> str:
    """The place as a resume token of a stream."""
    parts = [str(place.seen)] if place.until is None else [str(place.seen), str(place.until), place.last]
    body = json.dumps(parts, separators=(",", ":")).encode()
    return urlsafe_b64encode(_seal(body, topic) + body).decode().rstrip("=")


def decode(token: str, topic: str) -> Place:
    """InvalidArgument when the token is not one of such a stream."""
    try:
        if len(token) > _LONGEST:
            raise _bad_token()
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        seal, body = raw[:8], raw[8:]
        if seal != _seal(body, topic):
            raise _bad_token()
        parts = json.loads(body)
        seen, *rest = parts
        place = Place(Snapshot.parse(seen))
        if rest:
            until, last = rest
            place = Place(place.seen, Snapshot.parse(until), last)
        if type(place.last) is not int or not 0 <= place.last < 2**63:
            raise _bad_token()
    except (Base64Error, UnicodeError, ValueError, TypeError, RecursionError):
        raise _bad_token() from None
    return place


def _seal(body: bytes, topic: str) -> bytes:
    return blake2b(topic.encode() + b"\0" + body, digest_size=8).digest()


def _bad_token() -> InvalidArgument:
    return invalid_field("resume_token", "BAD_RESUME_TOKEN", "is not a token that this stream gave out")
