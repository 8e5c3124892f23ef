"""The address that a job calls. Its token follows from the check's name and the server's key, so that it can be told again."""

import base64
import hashlib
import hmac

TOKEN_BYTES = 20
PATH = "/heartbeat/"


class Addresses:
    """With a key, names become tokens; the database only ever has a token's hash."""

    def __init__(self, key: str, public_url: str) -> None:
        self._key = key.encode()
        self._public_url = public_url.rstrip("/")

    def token(self, name: str) -> str:
        """Of `sites/{site}/checks/{check}`: 32 lower-case letters and digits."""
        mac = hmac.digest(self._key, b"heartbeat " + name.encode(), "sha256")[:TOKEN_BYTES]
        return base64.b32encode(mac).decode("ascii").lower()

    def url(self, name: str) -> str:
        """What the job calls. Without a public URL it begins at the path."""
        return f"{self._public_url}{PATH}{self.token(name)}"


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
