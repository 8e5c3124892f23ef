"""Asks registries when domains expire, by RDAP. One that was asked today is not asked again."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import structlog

from quivive import __version__

log = structlog.get_logger(__name__)

TIMEOUT_S = 15.0
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Registered:
    expire: datetime | None
    registrar: str


class Unknown(Exception):
    """The registry has no such domain."""


class Registries:
    """`url` None: whichever server the registry of a name runs, as IANA lists them."""

    def __init__(self, url: str | None) -> None:
        self._url = url.rstrip("/") if url else None

    async def ask(self, client: httpx.AsyncClient, domain: str) -> Registered:
        """Unknown, httpx.HTTPError, or ValueError for an answer that is none."""
        import whoisit
        from whoisit import parser

        url = await self._address(domain)
        body = b""
        async with client.stream("GET", url, follow_redirects=True) as response:
            if response.status_code == 404:
                raise Unknown(domain)
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError("the answer is too long")
        try:
            parsed = parser.parse(whoisit._bootstrap, "domain", domain, httpx.Response(200, content=body).json())
        except Exception as error:  # the library's, for whatever a registry answers
            raise ValueError(f"the answer is not understood: {type(error).__name__}") from None
        expire = parsed.get("expiration_date")
        names = [entity.get("name") or "" for entity in parsed.get("entities", {}).get("registrar", [])]
        return Registered(expire.astimezone(UTC) if expire is not None else None, next(iter(names), "")[:200])

    async def _address(self, domain: str) -> str:
        if self._url is not None:
            return f"{self._url}/domain/{domain}"
        import whoisit

        if not whoisit.is_bootstrapped():
            await whoisit.bootstrap_async()
        try:
            _, url, _ = whoisit.build_query(query_type="domain", query_value=domain)
        except Exception as error:
            raise ValueError(
                f"no registry of {domain.rpartition('.')[2]} answers RDAP: {type(error).__name__}"
            ) from None
        return str(url)


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=TIMEOUT_S,
        trust_env=False,
        headers={"User-Agent": f"Quivive/{__version__}", "Accept": "application/rdap+json"},
    )
