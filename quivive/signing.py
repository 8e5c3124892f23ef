"""The signature on what is posted to others' servers."""

import hmac


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """sha256=HMAC(secret, "<timestamp>." + body) in hexadecimal; `timestamp` in seconds guards against replays."""
    return "sha256=" + hmac.digest(secret, f"{timestamp}.".encode() + body, "sha256").hex()
