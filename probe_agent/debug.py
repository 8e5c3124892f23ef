"""`python -m probe_agent check URL`: one check, right now, for a person who debugs a site."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from ipaddress import ip_network
from typing import Any

import httpx
import uvloop

from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.clock import now_us
from probe_agent.connect import Sighting, Surroundings
from probe_agent.phases import Phases
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.targets import HttpTarget
from probe_agent.trust import anchors, load_trust
from quivive import __version__
from quivive.domain.times import SECOND_US, to_datetime
from quivive.domain.words import Outcome, responsibility_for
from quivive.settings import EXIT_USAGE

EXIT_UP, EXIT_NOT_UP = 0, 1
BAR_CHARACTERS = 48
DAY_US = 86_400 * SECOND_US
PHASES = (("dns", "DNS"), ("connect", "TCP"), ("tls", "TLS"), ("first_byte", "first byte"), ("transfer", "transfer"))
MARKS = "dcTft"
"""One letter of the bar per phase."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m probe_agent check", description="Check a URL once and show what was seen; exit code 0 means UP."
    )
    made.add_argument("url", help="http or https; https where the scheme is left out")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="over the whole attempt (10)")
    made.add_argument("--ip", choices=("any", "4", "6"), default="any", help="which addresses to connect to (any)")
    made.add_argument("--contains", default="", metavar="TEXT", help="text that the page must have")
    made.add_argument("--excludes", default="", metavar="TEXT", help="text that the page must not have")
    made.add_argument("--status", type=int, action="append", default=[], help="accepted status, may be repeated (2xx)")
    made.add_argument("--method", choices=("GET", "HEAD"), default="GET")
    made.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="sent along, may be repeated")
    made.add_argument("--resolver", action="append", default=[], metavar="ADDRESS:PORT", help="instead of the system's")
    made.add_argument(
        "--allow", action="append", default=[], metavar="CIDR", help="private networks that may be checked"
    )
    return made


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 for UP, 1 for anything else, 2 for what cannot be checked."""
    options = parser().parse_args(arguments)
    try:
        target = _target(options)
        allowed = [ip_network(network) for network in options.allow]
        tls = load_trust()
    except ValueError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE

    async def look() -> Result:
        resolver = Resolver(options.resolver)
        surroundings = Surroundings(resolver, tls, allowed, anchors=anchors())
        surroundings.client.load()
        checker = Checker(surroundings, f"Quivive/{__version__} (check)", always_evidence=True)
        try:
            return await checker.attempt(_check(target, options.timeout), now_us(), 0)
        finally:
            await resolver.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(look())
    print(json.dumps(as_json(target.url, result), indent=2) if options.json else as_text(target.url, result))
    return EXIT_UP if result.outcome is Outcome.UP else EXIT_NOT_UP


def _target(options: argparse.Namespace) -> HttpTarget:
    """ValueError for what is no URL or no header."""
    url = options.url if "://" in options.url else f"https://{options.url}"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url}: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url} is not an http or https URL")
    headers = [header.partition(":") for header in options.header]
    if bad := [name for name, colon, _ in headers if not colon]:
        raise ValueError(f"--header {bad[0]}: write NAME:VALUE")
    return HttpTarget(
        url,
        headers=tuple((name.strip(), value.strip()) for name, _, value in headers),
        expect_status=frozenset(options.status),
        body_contains=options.contains,
        body_excludes=options.excludes,
        method=options.method,
        ip_family=0 if options.ip == "any" else int(options.ip),
    )


def _check(target: HttpTarget, timeout_s: float) -> Check:
    timeout_us = max(int(timeout_s * SECOND_US), 1)
    return Check(0, 0, "check", ("here",), 2 * timeout_us, timeout_us, 1, 0, target)


def as_json(url: str, result: Result) -> dict[str, Any]:
    """What was seen, for programs. Times in milliseconds."""
    evidence = result.evidence
    assert evidence is not None
    return {
        "url": url,
        "outcome": result.outcome.name,
        "cause": result.cause.name if result.cause else None,
        "responsibility": responsibility_for(result.cause).name.lower() if result.outcome is Outcome.DOWN else None,
        "detail": evidence.detail,
        "http_status": result.http_status or None,
        "address": evidence.address,
        "total_ms": _total(result.phases) / 10,
        "phases_ms": _milliseconds(result.phases),
        "hops": [{**asdict(hop), "phases": _milliseconds(hop.phases)} for hop in evidence.hops],
        "certificates": [_certificate(sighting) for sighting in result.certificates],
        "headers": dict(evidence.headers),
        "body_excerpt": evidence.body_excerpt,
    }


def as_text(url: str, result: Result) -> str:
    """What was seen, for a person."""
    shown = as_json(url, result)
    lines = [f"{shown['outcome']}  {url}"]
    if shown["detail"]:
        lines.append(f"  {shown['detail']}")
    if shown["cause"]:
        whose = f", usually for the {shown['responsibility'].replace('_', ' ')}" if shown["responsibility"] else ""
        lines.append(f"  cause {shown['cause']}{whose}")
    status = f"status {shown['http_status']}, " if shown["http_status"] else ""
    lines += [
        "",
        f"  {status}{shown['total_ms']:.1f} ms in all" + (f", {shown['address']}" if shown["address"] else ""),
    ]
    lines += ["", f"  [{bar(result.phases)}]"]
    for mark, (name, title) in zip(MARKS, PHASES, strict=True):
        lines.append(f"   {mark} {title:<10} {shown['phases_ms'][name]:>9.1f} ms")
    for number, hop in enumerate(shown["hops"], 1):
        total = sum(hop["phases"].values())
        lines.append(f"  hop {number}: {hop['status'] or '-'} {hop['url']} ({hop['address']}, {total:.1f} ms)")
    for sighting in result.certificates:
        lines += ["", *_certificate_lines(sighting, result.end_us)]
    if shown["body_excerpt"] and result.outcome is not Outcome.UP:
        lines += ["", "  the page begins:", *(f"  | {line}" for line in shown["body_excerpt"].splitlines()[:8])]
    return "\n".join(_printable(line) for line in lines)


def bar(phases: Phases) -> str:
    """The phases to scale; one that took any time has at least one character."""
    values = [getattr(phases, name) for name, _ in PHASES]
    total = sum(values) or 1
    widths = [max(round(value / total * BAR_CHARACTERS), 1) if value else 0 for value in values]
    widths[widths.index(max(widths))] += BAR_CHARACTERS - sum(widths)
    return "".join(mark * width for mark, width in zip(MARKS, widths, strict=True))


def _certificate_lines(sighting: Sighting, now: int) -> list[str]:
    certificate = sighting.certificate
    left = (certificate.not_after_us - now) // DAY_US
    until = f"valid until {to_datetime(certificate.not_after_us):%Y-%m-%d %H:%M} UTC"
    return [
        f"  certificate of {sighting.server[0]}: {'verified' if sighting.verified else 'REFUSED'}, {until} ({left} days)",
        f"    {certificate.subject}, by {certificate.issuer}",
        f"    for {', '.join(certificate.names[:8]) or 'no name'}",
        f"    {certificate.protocol} {certificate.cipher}",
    ]


def _certificate(sighting: Sighting) -> dict[str, Any]:
    certificate = sighting.certificate
    return {
        "host": sighting.server[0],
        "address": sighting.server[1],
        "verified": sighting.verified,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": _moment(certificate.not_before_us),
        "not_after": _moment(certificate.not_after_us),
        "fingerprint": certificate.fingerprint,
        "protocol": certificate.protocol,
        "cipher": certificate.cipher,
    }


def _moment(us: int) -> str:
    return to_datetime(us).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _milliseconds(phases: Phases) -> dict[str, float]:
    return {name: getattr(phases, name) / 10 for name, _ in PHASES}


def _total(phases: Phases) -> int:
    return sum(getattr(phases, name) for name, _ in PHASES)


def _printable(line: str) -> str:
    """A page's text must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
