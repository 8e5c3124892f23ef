"""Posting to services: one client for each transport, time and size limits, what an answer means, and no secret in any error."""

import asyncio
import json
import os
import re
import ssl
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import certifi
import httpx

from aggregator.notify.errors import PermanentFailure, TemporaryFailure
from quivive import __version__
from quivive.named_secrets import NoSecret, named_secret

TIMEOUT_S = 10.0
TRY_AGAIN = (408, 409, 423, 425, 429)
"""Refusals that are only for now."""
NOT_ALLOWED = (401, 403)
"""Refusals of who we are: a key that was revoked, which the operator mends without touching the message."""
MAX_ANSWER = 65_536
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def content(self) -> Any:
        """The answer as JSON; None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


def secret_of(name: str) -> str:
    """A secret by its name. TemporaryFailure while there is none: messages wait for the operator."""
    try:
        return named_secret(name)
    except NoSecret as error:
        raise TemporaryFailure(str(error)) from None


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text on one line without the secrets, in whatever form they come back."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), quote(secret), b64encode(secret.encode()).decode()):
            text = text.replace(form, "***")
    return re.sub(r"\s+", " ", text).strip()


class Http:
    """Receivers are the operator's choice: no target is refused, and redirects are not followed."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def post(
        self,
        url: str,
        content: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        method: str = "POST",
        accepts: Iterable[int] = (),
    ) -> Answer:
        """The answer, if it is 2xx or among `accepts`. Raises DeliveryError otherwise, its text without `secrets`."""
        secrets = (*secrets, *_forms(url))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._exchange(method, url, content, {**JSON, **(headers or {})})
        except TimeoutError:
            raise TemporaryFailure(f"no answer within {TIMEOUT_S:.0f} s") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise PermanentFailure("its address is not a URL") from None
        except httpx.HTTPError as error:
            raise TemporaryFailure(redact(f"{type(error).__name__}: {error}", secrets)) from None
        if 200 <= answer.status < 300 or answer.status in accepts:
            return answer
        raise self.failure(answer, secrets)

    def failure(self, answer: Answer, secrets: Iterable[str]) -> TemporaryFailure | PermanentFailure:
        """What a refusal means: for now, or for good."""
        said = redact(answer.text, secrets)[:SHOWN]
        reason = f"the receiver answered {answer.status}" + (f": {said}" if said else "")
        if answer.status >= 500 or answer.status in TRY_AGAIN or answer.status in NOT_ALLOWED:
            return TemporaryFailure(reason, retry_after_s(answer.headers.get("retry-after", "")))
        return PermanentFailure(reason)

    async def _exchange(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, verify=trust())
        async with self._client.stream(method, url, content=content, headers=headers) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= MAX_ANSWER:
                    break
            text = bytes(body[:MAX_ANSWER]).decode("utf-8", "replace")
            return Answer(response.status_code, dict(response.headers), text)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def _forms(url: str) -> tuple[str, ...]:
    """An address may be a secret as a whole: as a client writes it, as a server sees it, and what is in its query."""
    _, found, rest = url.partition("://")
    path = f"/{rest.partition('/')[2]}" if found else ""
    query = path.partition("?")[2]
    return tuple(form for form in (url, path, path.partition("?")[0], query) if len(form) > 3)


JSON = {"Content-Type": "application/json", "User-Agent": f"Quivive/{__version__}"}


def body_of(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def retry_after_s(value: str) -> float:
    """Seconds, from a number of them or a date; 0 when it says nothing."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def trust() -> ssl.SSLContext:
    """Whom to believe: the usual authorities, and those of SSL_CERT_FILE."""
    return _trust(os.environ.get("SSL_CERT_FILE"))


@cache
def _trust(more: str | None) -> ssl.SSLContext:
    """One for all transports: reading the authorities takes a megabyte and 20 ms."""
    context = ssl.create_default_context(cafile=certifi.where())
    if more:
        context.load_verify_locations(more)
    return context
