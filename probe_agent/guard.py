"""Which addresses may be looked at: public ones, and what the operator allows besides."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

REMEMBERED = 16_384

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")
# Clouds' metadata services at addresses that look public.
_METADATA = frozenset({IPv4Address("168.63.129.16"), IPv4Address("192.0.0.192")})


class Guard:
    """Judges the addresses that a host's name resolved to, right before they are connected to: nothing is resolved in between."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = allowed
        self._judged: dict[str, bool] = {}

    def allows(self, address: str) -> bool:
        """Whether an address may be a target. ValueError when it is not an address."""
        judged = self._judged.get(address)
        if judged is None:
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            judged = self._judged[address] = is_allowed(address, self._allowed)
        return judged


def is_allowed(address: str, allowed: Sequence[Network]) -> bool:
    """Whether a resolved address may be a target. ValueError when it is not an address."""
    ip = ip_address(address.partition("%")[0])
    if any(ip in network for network in allowed):
        return True
    embedded = _embedded(ip)
    if embedded is not None:
        return is_allowed(str(embedded), allowed)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _METADATA


def _embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, compatible, NAT64, 6to4 or Teredo."""
    if isinstance(ip, IPv4Address):
        return None
    if any(ip in network for network in _NAT64) or (ip in _COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.teredo is not None:
        return ip.teredo[1]
    return ip.ipv4_mapped or ip.sixtofour
