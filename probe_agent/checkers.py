"""CHECK, whatever there is to look at: each kind of target has its own way."""

from collections.abc import Sequence
from typing import assert_never

from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.dns import DnsChecker
from probe_agent.results import Result
from probe_agent.targets import DnsTarget, HttpTarget, TcpTarget
from probe_agent.tcp import TcpChecker


class Checkers:
    """Makes attempts with the identity and the surroundings of one agent."""

    def __init__(self, surroundings: Surroundings, user_agent: str, resolvers: Sequence[str] = ()) -> None:
        self._http = Checker(surroundings, user_agent)
        self._tcp = TcpChecker(surroundings)
        self._dns = DnsChecker(surroundings, resolvers)

    async def attempt(self, check: Check, slot_us: int, attempt: int, avoid: frozenset[str] = frozenset()) -> Result:
        """One attempt; never raises for what a target does. `avoid`: addresses with port to try last."""
        match check.target:
            case HttpTarget():
                return await self._http.attempt(check, slot_us, attempt, avoid)
            case TcpTarget() as target:
                return await self._tcp.attempt(check, target, slot_us, attempt, avoid)
            case DnsTarget() as target:
                return await self._dns.attempt(check, target, slot_us, attempt)
            case other:
                assert_never(other)
