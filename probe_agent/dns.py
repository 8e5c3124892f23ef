"""CHECK of DNS: one attempt asks every name server of a check at once; each must answer, and answer what is expected.

Nothing is remembered: each attempt has a resolver of its own per server.
"""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import aiodns
import pycares

from probe_agent import classify
from probe_agent.checks import Check
from probe_agent.classify import UP, Verdict
from probe_agent.connect import Surroundings, with_port
from probe_agent.failures import Failed
from probe_agent.observe import Progress, observe
from probe_agent.results import Result
from probe_agent.targets import DnsTarget
from quivive.domain.dns import canonical
from quivive.domain.words import Cause, Outcome

DNS_PORT = 53
TRY_S = 2.0
TRIES = 3
SHOWN_ANSWERS = 10

_UNREACHABLE = frozenset({"ARES_ECONNREFUSED", "ARES_ETIMEOUT"})
_TYPES: dict[str, int] = {
    name: getattr(pycares, f"QUERY_TYPE_{name}")
    for name in ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
}


class DnsChecker:
    """Makes attempts at DNS targets; `own` are the agent's resolvers, without any the system's."""

    def __init__(self, surroundings: Surroundings, own: Sequence[str] = ()) -> None:
        self._surroundings = surroundings
        self._own = list(own)

    async def attempt(self, check: Check, target: DnsTarget, slot_us: int, attempt: int) -> Result:
        """One attempt; never raises for what a name server does."""

        async def look(progress: Progress) -> Verdict:
            return await self._look(target, progress)

        return await observe(check, slot_us, attempt, frozenset(), look, target.max_latency_us)

    async def _look(self, target: DnsTarget, progress: Progress) -> Verdict:
        if not target.resolvers:
            return await self._ask(target, self._own or None, "", progress)
        waiting = list(target.resolvers)
        progress.overdue = _silent(target, waiting)

        async def ask(server: str) -> Verdict:
            verdict = await self._ask(target, [await self._address(server)], server, progress)
            waiting.remove(server)
            if waiting:
                progress.overdue = _silent(target, waiting)
            return verdict

        verdicts = await asyncio.gather(*(_settled(ask(server)) for server in target.resolvers))
        for server, verdict in zip(target.resolvers, verdicts, strict=True):
            if verdict.outcome is not Outcome.UP:
                progress.address = server
                return verdict
        return UP

    async def _ask(self, target: DnsTarget, servers: list[str] | None, named: str, progress: Progress) -> Verdict:
        """What one name server (or one's own resolvers, unnamed) has to say."""
        resolver = aiodns.DNSResolver(servers, flags=pycares.ARES_FLAG_NOSEARCH, timeout=TRY_S, tries=TRIES)
        try:
            found = await resolver.query_dns(target.name, target.record)
        except aiodns.error.DNSError as error:
            return _failed(target, str(pycares.errno.errorcode.get(error.args[0], error.args[0])), named)
        finally:
            await resolver.close()
        kind = _TYPES[target.record]
        answers = sorted({_text(target.record, record.data) for record in found.answer if record.type == kind})
        progress.excerpt = "\n".join(answers[:SHOWN_ANSWERS])
        return compare(target, answers, named)

    async def _address(self, server: str) -> str:
        """A name server, given by address or name and perhaps a port, as address:port that may be asked. Raises Failed."""
        host, port = split_server(server)
        found = await self._surroundings.resolver.addresses(host)
        for address in found:
            if self._surroundings.guard.allows(address):
                return with_port(address, port)
        raise Failed(classify.address_forbidden(host, found[0]))


def split_server(server: str) -> tuple[str, int]:
    """`192.0.2.1`, `[2001:db8::1]:53`, `ns1.example.com:5353` as host and port."""
    try:
        return str(ip_address(server)), DNS_PORT
    except ValueError:
        host, colon, port = server.rpartition(":")
        if not colon or not port.isdecimal():
            return server.strip("[]"), DNS_PORT
        return host.strip("[]"), int(port)


def compare(target: DnsTarget, answers: Sequence[str], named: str) -> Verdict:
    """What `answers` are worth; they and the expected are in their canonical spelling."""
    at = f" at {named}" if named else ""
    if not answers:
        return Verdict(Outcome.DOWN, Cause.DNS_NO_ADDRESS, f"{target.name} has no {target.record} record{at}")
    missing = sorted(target.expect.difference(answers))
    strange = sorted(set(answers) - target.expect) if target.exact else []
    if not missing and not strange:
        return UP
    told = "; ".join(
        f"{word} {', '.join(items[:SHOWN_ANSWERS])}"
        for word, items in (("lacks", missing), ("has unexpected", strange))
        if items
    )
    return Verdict(
        Outcome.DOWN,
        Cause.DNS_WRONG_ANSWER,
        f"{target.record} of {target.name}{at} {told}; answered: {', '.join(answers)}",
    )


async def _settled(asking: Any) -> Verdict:
    try:
        verdict: Verdict = await asking
    except Failed as failure:
        return failure.verdict
    return verdict


def _failed(target: DnsTarget, code: str, named: str) -> Verdict:
    """For a c-ares error code. A name server that a check names is looked at itself: that it is away is no fault of ours."""
    if code == "ARES_ENODATA":
        return compare(target, (), named)
    if named and code in _UNREACHABLE:
        return _silent(target, [named])
    verdict = classify.dns_failed(code, target.name)
    return Verdict(verdict.outcome, verdict.cause, f"{named}: {verdict.detail}" if named else verdict.detail)


def _silent(target: DnsTarget, servers: Sequence[str]) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.DNS_TIMEOUT, f"no answer about {target.name} from {', '.join(servers)}")


def _text(record: str, data: Any) -> str:
    """An answer as c-ares has it, in its canonical spelling."""
    match record:
        case "A" | "AAAA":
            text = data.addr
        case "CNAME":
            text = data.cname
        case "NS":
            text = data.nsdname
        case "PTR":
            text = data.dname
        case "MX":
            text = f"{data.priority} {data.exchange}"
        case "SRV":
            text = f"{data.priority} {data.weight} {data.port} {data.target}"
        case "SOA":
            numbers = (data.serial, data.refresh, data.retry, data.expire, data.minimum)
            text = " ".join(map(str, (data.mname, data.rname, *numbers)))
        case "CAA":
            text = f'{data.critical} {_decoded(data.tag)} "{_decoded(data.value)}"'
        case _:
            return _decoded(data.data)
    try:
        return canonical(record, text)
    except ValueError:  # what a name server may say and no configuration would
        return str(text)


def _decoded(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
