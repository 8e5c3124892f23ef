"""What an agent is told by its environment."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from probe_agent.references import DEFAULT, parse_reference
from quivive.settings import ServiceSettings


def _split(value: object) -> object:
    """A comma-separated list, as environments hold them."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _networks(value: object) -> object:
    """Each part as a network, so that a wrong one is complained about once and in words."""
    parts = _split(value)
    return tuple(ip_network(part) for part in parts) if isinstance(parts, list) else parts


def _references(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        parse_reference(name)
    return names


_HOST_PORT = r"^(\[[0-9a-fA-F:]+\]|[0-9.]+)(:[0-9]{1,5})?$"


class AgentSettings(ServiceSettings):
    """Settings of one probe agent."""

    region: str = Field(
        pattern="^[a-z0-9-]{1,40}$", description="The region this agent looks from, as the configuration names it"
    )
    simulated: bool = Field(
        False, description="This agent shares its machine or uplink with another region's: shown on every page"
    )
    allow_targets: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (), description="Networks (CIDR, separated by commas) that may be targets although they are not public"
    )
    resolvers: Annotated[tuple[Annotated[str, Field(pattern=_HOST_PORT)], ...], NoDecode, BeforeValidator(_split)] = (
        Field((), description="Resolvers as address:port, separated by commas; without any, the system's")
    )
    contact_url: str = Field(
        "", pattern=r"^(https?://[!-~]+)?$", description="Where a site's owner learns who looks; part of the User-Agent"
    )
    concurrency: int = Field(512, ge=1, le=100_000, description="Slots of the schedule that may be worked on at a time")
    tls_sessions: int = Field(
        0,
        ge=0,
        le=2000,
        description="TLS sessions kept for resumption, which saves two thirds of a handshake; a certificate that is changed on a "
        "server that still takes its old sessions is then seen after 10 min at the latest. 0 verifies it at every attempt",
    )
    references: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_references)] = Field(
        DEFAULT,
        description="What has nothing to do with the sites and has to be reachable: resolver, broker, tcp://host:port or URLs, "
        "separated by commas; while two of them fail, results are PROBE_ERROR",
    )
    spool_dir: Path | None = Field(
        None,
        description="Where results wait that the broker has not taken; without it, in memory: a killed agent loses them",
    )
    spool_mib: int = Field(
        256, ge=1, description="Size of the spool in MiB; beyond it the oldest results go (in memory: 64 at most)"
    )
    spool_hours: float = Field(24, gt=0, description="Results wait no longer than this")
    alarm_url: str = Field(
        "",
        pattern=r"^(https?://[!-~]+)?$",
        description="Gets a POST when the aggregator is lost, and when it is back: from the first by name of a region's agents, "
        "or from each that has lost the broker, too",
    )
    alarm_secret: SecretStr | None = Field(
        None, description="Signs the POST to the alarm's URL, as webhooks are signed"
    )
    alarm_after: float = Field(180, gt=0, description="Seconds without a word from the aggregator before the alarm")
