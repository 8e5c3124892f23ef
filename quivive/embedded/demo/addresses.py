"""Where the parts of the demo find each other."""

from pathlib import Path

from quivive.embedded.places import Places

HOST = "127.0.0.1"


def site_port_name(site: str) -> str:
    """The name under which the site's port is kept."""
    return f"demo-{site}"


def site_port(places: Places, site: str) -> int:
    return places.port(site_port_name(site))


def mail_port(places: Places) -> int:
    return places.port("demo-mail")


def trusted_path(places: Places) -> Path:
    """Where the farm writes what its visitors have to trust, once it is open."""
    return places.root / "demo-authorities.pem"
