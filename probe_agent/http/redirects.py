"""Where a redirect leads, and what is taken along. Rare enough to be left to httpx's own types."""

from collections.abc import Sequence

import httpx

from probe_agent import classify
from probe_agent.failures import Failed
from probe_agent.http.request import Header
from probe_agent.http.target import first_request
from probe_agent.targets import HttpTarget

_STATUSES = frozenset({301, 302, 303, 307, 308})
# They say nothing about who asks, and a stranger may read them.
_FOR_ANYONE = frozenset({"user-agent", "accept", "accept-encoding", "accept-language", "connection"})


def location_of(status: int, headers: Sequence[Header]) -> str | None:
    """Where a response leads to, None when it leads nowhere."""
    if status not in _STATUSES:
        return None
    # Bytes above ASCII are UTF-8 in practice; what is neither is kept apart by its replacement characters.
    return next((value.decode("utf-8", "replace") for name, value in headers if name == b"location"), None)


class Redirects:
    """The redirects of one attempt: cookies are kept along the way, and forgotten after it."""

    def __init__(self, target: HttpTarget, user_agent: str) -> None:
        self._target = target
        self._request = first_request(target, user_agent)
        self._cookies = httpx.Cookies()
        self._passed = {(str(self._request.url), "")}
        self.has_repeated = False
        """A place was passed twice with the same cookies."""

    def follow(self, status: int, headers: Sequence[Header], location: str) -> httpx.Request:
        """The next request. Failed for one that leads nowhere, or from https to http."""
        before = self._request
        self._cookies.extract_cookies(httpx.Response(status, headers=list(headers), request=before))
        url = _join(before.url, location)
        if before.url.scheme == "https" and url.scheme == "http":
            raise Failed(classify.redirect_downgraded(str(url)))
        method = before.method
        if method not in ("GET", "HEAD") and (status == 303 or (status in (301, 302) and method == "POST")):
            method = "GET"
        kept = httpx.Headers(before.headers)
        dropped = {"host", "cookie", "content-length", "transfer-encoding"}
        if before.url.host.lower() != url.host.lower():
            dropped.add("authorization")  # a password is for one host alone
        if not _is_same_site(before.url, url):
            dropped |= {name for name in kept if name not in _FOR_ANYONE}
        for name in dropped:
            kept.pop(name, None)
        content = self._target.body if method == before.method else b""
        self._request = httpx.Request(method, url, headers=kept, content=content or None)
        self._cookies.set_cookie_header(self._request)
        place = str(url), self._request.headers.get("cookie", "")
        self.has_repeated = self.has_repeated or place in self._passed
        self._passed.add(place)
        return self._request


def _join(base: httpx.URL, location: str) -> httpx.URL:
    try:
        url = base.join(location)
        url.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise Failed(classify.redirect_broken(location)) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise Failed(classify.redirect_broken(location))
    return url.copy_with(fragment=None)


def _is_same_site(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether headers declared for one are meant for the other, too: www.example.com and example.com."""
    here, there = one.host.lower(), other.host.lower()
    return here == there or here.endswith("." + there) or there.endswith("." + here)
