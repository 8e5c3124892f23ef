"""Opaque page tokens: where the last page ended, bound to the filters of the listing they were given out by."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b

from api.errors import InvalidArgument, invalid_field

DEFAULT_SIZE = 100
MAX_SIZE = 1000
_MAX_TOKEN = 1024
_END_OF_TIME_US = 253_402_300_800_000_000
"""The year 10000."""

Key = tuple[str | int, ...]


def page_size(requested: int) -> int:
    """Entries of a page: 0 means the default, more than the maximum means the maximum. InvalidArgument when negative."""
    if requested < 0:
        raise invalid_field("page_size", "BAD_PAGE_SIZE", "must not be negative")
    return min(requested or DEFAULT_SIZE, MAX_SIZE)


def encode(last: Key, listing: Key) -> str:
    """The token of the page after the entry with key `last`. `listing` is the collection and its filters."""
    body = json.dumps(last, separators=(",", ":")).encode()
    return urlsafe_b64encode(_seal(body, listing) + body).decode().rstrip("=")


def decode(token: str, listing: Key, shape: tuple[type[str] | type[int], ...]) -> Key | None:
    """The key that the token holds, None without a token. InvalidArgument when it is not one of this listing's."""
    if not token:
        return None
    try:
        if len(token) > _MAX_TOKEN:
            raise _bad_token()
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        seal, body = raw[:8], raw[8:]
        if seal != _seal(body, listing):
            raise _bad_token()
        key = tuple(json.loads(body))
    except (Base64Error, UnicodeError, ValueError):
        raise _bad_token() from None
    if len(key) != len(shape) or not all(map(_fits, key, shape)):
        raise _bad_token()
    return key


def _fits(part: object, kind: type[str] | type[int]) -> bool:
    """The seal is no secret: what a token holds is as foreign as any input."""
    if isinstance(part, str):
        return kind is str and "\0" not in part
    return kind is int and type(part) is int and 0 <= part < _END_OF_TIME_US


def _seal(body: bytes, listing: Key) -> bytes:
    return blake2b(json.dumps(listing).encode() + b"\0" + body, digest_size=8).digest()


def _bad_token() -> InvalidArgument:
    return invalid_field("page_token", "BAD_PAGE_TOKEN", "is not a token that this listing gave out")
