"""The mail server that a channel uses: its own, else the one of QUIVIVE_SMTP_URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from aggregator.notify.errors import TemporaryFailure
from aggregator.notify.http import secret_of, trust

PORTS = {"tls": 465, "starttls": 587, "none": 25}


@dataclass(frozen=True, slots=True)
class Server:
    """Where to, and how it is kept from others' eyes. `starttls` is None for: when it is offered."""

    host: str
    port: int
    use_tls: bool = False
    starttls: bool | None = None
    user: str | None = None
    password: str | None = None

    def options(self) -> dict[str, Any]:
        """As aiosmtplib wants it. Certificates are verified, under the name that was asked for."""
        return {
            "hostname": self.host,
            "port": self.port,
            "username": self.user,
            "password": self.password,
            "use_tls": self.use_tls,
            "start_tls": False if self.use_tls else self.starttls,
            "tls_context": trust(),
        }


def server_of_url(url: str) -> Server:
    """smtps:// is TLS from the first byte. smtp:// takes STARTTLS when it is offered; who signs in elsewhere insists on it."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    host = parts.hostname or "localhost"
    user = unquote(parts.username) if parts.username else None
    return Server(
        host=host,
        port=parts.port or (465 if is_tls else 25),
        use_tls=is_tls,
        starttls=True if user and not is_tls and not _is_here(host) else None,
        user=user,
        password=unquote(parts.password) if parts.password else None,
    )


def server_of_channel(declared: Mapping[str, Any]) -> Server:
    """A channel's own. TemporaryFailure while its password is not there."""
    security = declared.get("security", "starttls")
    return Server(
        host=declared["host"],
        port=declared.get("port") or PORTS[security],
        use_tls=security == "tls",
        starttls=security == "starttls",
        user=declared.get("user"),
        password=secret_of(declared["password"]) if declared.get("password") else None,
    )


def server_for(declared: Mapping[str, Any], common: Server | None) -> Server:
    """TemporaryFailure when there is none: mails wait for the operator."""
    if declared.get("server"):
        return server_of_channel(declared["server"])
    if common is None:
        raise TemporaryFailure("QUIVIVE_SMTP_URL is not set")
    return common


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
