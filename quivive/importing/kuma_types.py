"""Uptime Kuma's types of monitors: those that become one of our checks, and why the others do not."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from quivive.importing.looks import headers_of, statuses_of
from quivive.importing.monitors import Credentials, Notes, Refused, as_flag, as_number, as_text

Row = Mapping[str, Any]
Read = tuple[dict[str, Any], Credentials | None]

BODY_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded", "xml": "text/xml"}
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
METHODS = ("GET", "HEAD", "OPTIONS", *WITH_BODY)
LONGEST_PERIOD = timedelta(days=400)

_NO_SESSION = "Quivive does not sign in there; a `tcp` check can watch its port"
REFUSALS = {
    "ping": "no ICMP: what a visitor needs is a port or a page; a `tcp` check can watch one",
    "tailscale-ping": "no ICMP",
    "docker": "Quivive looks from outside, not into a Docker host",
    "group": "a group is not a check; its members are taken by themselves",
    "manual": "set by hand in Uptime Kuma; there is nothing to look at",
    "steam": "game servers speak UDP, which is not checked",
    "gamedig": "game servers speak UDP, which is not checked",
    "ntp": "NTP is UDP, which is not checked",
    "snmp": "SNMP is UDP, which is not checked",
    "radius": "RADIUS is UDP, which is not checked",
    "sip-options": "SIP is not spoken; a `tcp` check can watch its port",
    "mqtt": _NO_SESSION,
    "rabbitmq": _NO_SESSION,
    "kafka-producer": "Quivive does not publish messages; a `tcp` check can watch a broker's port",
    "sqlserver": _NO_SESSION,
    "postgres": _NO_SESSION,
    "mysql": _NO_SESSION,
    "mongodb": _NO_SESSION,
    "oracledb": _NO_SESSION,
    "redis": _NO_SESSION,
    "grpc-keyword": "gRPC calls are not made; a `tcp` check can watch the port",
    "websocket-upgrade": "WebSockets are not opened; a `url` check can watch a page of the same server",
    "system-service": "Quivive looks from outside, not at services of a host; a heartbeat can",
    "pm2": "Quivive looks from outside, not at processes of a host; a heartbeat can",
}


def page(row: Row, notes: Notes) -> Read:
    """http, and what begins like it."""
    url = as_text(row.get("url"))
    if url in ("", "http://", "https://"):
        raise Refused("it has no URL")
    if as_text(row.get("expected_tls_alert")) not in ("", "none"):
        raise Refused("it expects the handshake to fail, which is always an outage here")
    check: dict[str, Any] = {"url": url}
    _request(row, check, notes)
    headers, credentials = headers_of(_headers(row, notes), notes)
    kind = BODY_TYPES.get(as_text(row.get("http_body_encoding")))
    if "body" in check and kind and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = kind
    if headers:
        check["headers"] = headers
    if statuses := statuses_of(_statuses(row, notes), notes):
        check["expect"] = {"status": statuses}
    if (family := as_text(row.get("ip_family")).lower()) in ("ipv4", "ipv6"):
        check["ip"] = family.removeprefix("ipv")
    if as_flag(row.get("ignore_tls")):
        notes.change("its certificate is verified (was ignored)")
    if as_number(row.get("maxredirects")) == 0:
        notes.change("redirects are followed, unless `expect.status` names them")
    if as_flag(row.get("cache_bust")):
        notes.change("no query is added against caches; `preset: wordpress` has such a check")
    return check, _signing_in(row, notes) or credentials


def keyword(row: Row, notes: Notes) -> Read:
    check, credentials = page(row, notes)
    text = row.get("keyword")
    if isinstance(text, str) and text:
        key = "body_excludes" if as_flag(row.get("invert_keyword")) else "body_contains"
        check["expect"] = {**check.get("expect", {}), key: text}
    else:
        notes.change("no keyword is given: only the status counts")
    return check, credentials


def json_query(row: Row, notes: Notes) -> Read:
    check, credentials = page(row, notes)
    notes.change("the JSON query is not made: only the status counts; `expect.body_contains` can look for text")
    return check, credentials


def browser(row: Row, notes: Notes) -> Read:
    check, credentials = page(row, notes)
    notes.change("no browser: the page is fetched, its scripts are not run")
    return check, credentials


def globalping(row: Row, notes: Notes) -> Read:
    match as_text(row.get("subtype")):
        case "http":
            read = page(row, notes)
        case "dns":
            read = dns(row, notes)
        case other:
            raise Refused(REFUSALS["ping"] if other == "ping" else "an unknown kind of Globalping measurement")
    notes.change("looked at from your own regions, not from Globalping's")
    return read


def port(row: Row, notes: Notes) -> Read:
    tcp: dict[str, Any] = {"host": _host(row), "port": _port(row)}
    if as_text(row.get("smtp_security")) == "secure":
        tcp["tls"] = True
    return {"tcp": tcp}, None


def smtp(row: Row, notes: Notes) -> Read:
    tcp: dict[str, Any] = {"host": _host(row), "port": _port({"port": 25, **_given(row, "port")}), "expect": "220"}
    if as_text(row.get("smtp_security")) == "secure":
        tcp["tls"] = True
    elif as_text(row.get("smtp_security")) == "starttls":
        notes.change("STARTTLS is not tried: the greeting counts")
    return {"tcp": tcp}, None


def dns(row: Row, notes: Notes) -> Read:
    question: dict[str, Any] = {"name": _host(row), "record": as_text(row.get("dns_resolve_type")).upper() or "A"}
    servers = [server for part in as_text(row.get("dns_resolve_server")).split(",") if (server := part.strip())]
    number = as_number(row.get("port"))
    if servers:
        question["resolvers"] = [
            f"{f'[{server}]' if ':' in server else server}:{number:.0f}" if number and number != 53 else server
            for server in servers
        ]
    expected = _expected_answers(row, notes)
    if expected:
        question["expect"] = expected
    return {"dns": question}, None


def push(row: Row, notes: Notes) -> Read:
    seconds = as_number(row.get("interval"))
    if not seconds or seconds <= 0:
        raise Refused("it has no interval within which to expect a call")
    period = min(timedelta(seconds=round(seconds)), LONGEST_PERIOD)
    retries = (as_number(row.get("maxretries")) or 0) * (as_number(row.get("retry_interval")) or seconds)
    grace = min(max(timedelta(seconds=round(retries)), timedelta(minutes=1)), timedelta(days=31))
    notes.change("it has to call another address, which `quivive apply` prints")
    return {"heartbeat": {"period": period, "grace": grace}}, None


READERS: Mapping[str, Callable[[Row, Notes], Read]] = {
    "http": page,
    "keyword": keyword,
    "json-query": json_query,
    "real-browser": browser,
    "globalping": globalping,
    "port": port,
    "smtp": smtp,
    "dns": dns,
    "push": push,
}


def _request(row: Row, check: dict[str, Any], notes: Notes) -> None:
    method = as_text(row.get("method")).upper() or "GET"
    if method not in METHODS:
        raise Refused(f"its method is {method[:20]!r}")
    if method != "GET":
        check["method"] = method
    body = row.get("body")
    if isinstance(body, str) and body.strip():
        if method in WITH_BODY:
            check["body"] = body
        else:
            notes.change(f"the body is left out, for {method} sends none")


def _headers(row: Row, notes: Notes) -> dict[str, object]:
    text = as_text(row.get("headers"))
    if not text:
        return {}
    try:
        headers = json.loads(text)
    except (ValueError, RecursionError):
        headers = None
    if not isinstance(headers, dict):
        notes.change("its headers cannot be read and are left out")
        return {}
    return headers


def _statuses(row: Row, notes: Notes) -> list[object]:
    text = as_text(row.get("accepted_statuscodes_json"))
    if not text:
        return []
    try:
        accepted = json.loads(text)
    except (ValueError, RecursionError):
        accepted = None
    if not isinstance(accepted, list) or not accepted:
        notes.change("its accepted statuses cannot be read: 200 to 299 count")
        return []
    return accepted


def _signing_in(row: Row, notes: Notes) -> Credentials | None:
    user, secret = as_text(row.get("basic_auth_user")), as_text(row.get("basic_auth_pass"))
    method = as_text(row.get("auth_method")).lower()
    match method:
        case "" | "null" | "none" if not user:
            return None
        case "" | "null" | "none" | "basic":
            return Credentials(secret, user) if user else None
        case "bearer":
            return Credentials(as_text(row.get("bearer_token")))
        case "ntlm" | "mtls" | "oauth2-cc":
            known = {"ntlm": "NTLM", "mtls": "a client certificate", "oauth2-cc": "OAuth 2 client credentials"}
            raise Refused(f"it signs in by {known[method]}: only user and password, or a bearer token, are known here")
        case _:
            raise Refused(f"it signs in by {method[:20]!r}, which is not known here")


def _expected_answers(row: Row, notes: Notes) -> list[str]:
    text = as_text(row.get("conditions"))
    try:
        conditions = json.loads(text) if text else []
    except (ValueError, RecursionError):
        conditions = None
    if not conditions:
        if conditions is None:
            notes.change("its conditions cannot be read: any answer is good")
        return []
    simple = isinstance(conditions, list) and all(
        isinstance(item, dict) and item.get("variable") == "record" and item.get("operator") == "equals"
        for item in conditions
    )
    if not simple or len(conditions) != 1:
        notes.change("its conditions are more than one equality: any answer is good")
        return []
    return [as_text(conditions[0].get("value"))]


def _given(row: Row, key: str) -> dict[str, Any]:
    return {key: row[key]} if as_text(row.get(key)) else {}


def _host(row: Row) -> str:
    host = as_text(row.get("hostname"))
    if "://" in host:
        host = urlsplit(host).hostname or ""
    if not host:
        raise Refused("it has no host")
    return host.removeprefix("[").removesuffix("]")


def _port(row: Row) -> int:
    number = as_number(row.get("port"))
    if number is None or not 1 <= number <= 65535 or number != int(number):
        raise Refused(f"there is no port {as_text(row.get('port')) or 'given'}")
    return int(number)
