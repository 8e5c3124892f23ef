"""The first request of an attempt, from what is declared."""

import base64
from functools import lru_cache
from uuid import uuid4

import httpx

from probe_agent.credentials import Missing, authorization
from probe_agent.http.request import BadRequest, Hop, prepare
from probe_agent.targets import HttpTarget

PREPARED = 32_768
"""First requests kept, half a kilobyte each."""
UNCACHED = "quivive"
"""The parameter that makes a request one that no cache has seen."""


def first_hop(target: HttpTarget, user_agent: str) -> Hop:
    """The request that every attempt begins with. BadRequest when what is declared cannot be said, or a secret is not there."""
    # A secret may be renewed at any time, and no two requests past the caches are the same.
    if target.auth is None and not target.uncached:
        return _prepared(target, user_agent)
    return prepare(first_request(target, user_agent))


@lru_cache(maxsize=PREPARED)
def _prepared(target: HttpTarget, user_agent: str) -> Hop:
    return prepare(first_request(target, user_agent))


def first_request(target: HttpTarget, user_agent: str) -> httpx.Request:
    """As httpx has it. BadRequest for a secret that this agent was not given."""
    headers = httpx.Headers(
        {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate", "Connection": "close"}
    )
    url = httpx.URL(target.url)
    if target.uncached:
        url = url.copy_merge_params({UNCACHED: uuid4().hex})
    if url.userinfo:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    headers.update(target.headers)
    if target.auth is not None:
        try:
            headers["Authorization"] = authorization(target.auth)
        except Missing as error:
            raise BadRequest(str(error)) from error
    return httpx.Request(target.method, url, headers=headers, content=target.body or None)
