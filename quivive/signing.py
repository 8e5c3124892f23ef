"""Signatures: on what is posted to others' servers, and in links that do one thing for one person for a while."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping

MAX_TOKEN = 2048


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """sha256=HMAC(secret, "<timestamp>." + body) in hexadecimal; `timestamp` in seconds guards against replays."""
    return "sha256=" + hmac.digest(secret, f"{timestamp}.".encode() + body, "sha256").hex()


class BadToken(Exception):
    """A link that was not made by us for this purpose."""


class ExpiredToken(BadToken):
    """It was ours, once."""


def sign_token(key: bytes, purpose: str, fields: Mapping[str, str], expire_s: int) -> str:
    """`fields` readable by anybody, alterable by nobody, good for `purpose` alone and until `expire_s` (Unix seconds)."""
    content = json.dumps({**fields, "exp": expire_s}, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    payload = _encode(content.encode())
    return f"{payload}.{_encode(_digest(key, purpose, payload))}"


def read_token(key: bytes, purpose: str, token: str, now_s: int) -> dict[str, str]:
    """The fields of a token. BadToken unless it was signed by this key for this purpose, ExpiredToken when it is too old."""
    payload, dot, seal = token.partition(".")
    if not dot or len(token) > MAX_TOKEN or not token.isascii():
        raise BadToken("not a token")
    if not hmac.compare_digest(_encode(_digest(key, purpose, payload)), seal):
        raise BadToken("not signed by us")
    try:
        fields: dict[str, str | int] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expire_s = int(fields.pop("exp"))
    except (ValueError, KeyError, Base64Error) as error:
        raise BadToken("not a token") from error
    if now_s >= expire_s:
        raise ExpiredToken("expired")
    return {name: str(value) for name, value in fields.items()}


def _digest(key: bytes, purpose: str, payload: str) -> bytes:
    return hmac.digest(key, f"quivive/{purpose}\n{payload}".encode(), "sha256")


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
