"""What an agent is told by its environment."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from quivive.settings import ServiceSettings


def _split(value: object) -> object:
    """A comma-separated list, as environments hold them."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _networks(value: object) -> object:
    """Each part as a network, so that a wrong one is complained about once and in words."""
    parts = _split(value)
    return tuple(ip_network(part) for part in parts) if isinstance(parts, list) else parts


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
