"""The demo as `quivive up` sees it: programs to run, environment to give, configuration to declare."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from quivive.configuration import Configuration, CustomerConfig, EmailChannelConfig, RegionConfig, SiteConfig
from quivive.embedded.demo.addresses import HOST, mail_port, site_port, trusted_path
from quivive.embedded.demo.sites import CUSTOMERS, INTERVAL_S, REGIONS, SITES, TIMEOUT_S, DemoSite
from quivive.embedded.places import Places, answers
from quivive.embedded.programs import Program

STOP_WITHIN = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo adds to the rest."""

    places: Places
    mail: Path
    programs: tuple[Program, ...]
    environment: Mapping[str, str]
    """For Quivive's services: they may look at this machine, and mail goes to the sink."""

    def is_ready(self) -> bool:
        return trusted_path(self.places).exists() and answers(HOST, mail_port(self.places))


def prepare(places: Places) -> Demo:
    """Choose the ports; nothing is started yet."""
    trusted = trusted_path(places)
    # What is there is an earlier run's: its authority is gone.
    trusted.unlink(missing_ok=True)
    mails = places.root / "mail"
    # All chosen now: the farm only reads them.
    urls = {site.id: site_url(places, site) for site in SITES}
    references = [urls[site.id] for site in SITES if site.schedule is None]
    return Demo(
        places=places,
        mail=mails,
        programs=(
            _program("farm", "quivive.embedded.demo.farm", str(places.root)),
            _program("mail", "quivive.embedded.demo.mail", str(mail_port(places)), str(mails)),
        ),
        environment={
            "SSL_CERT_FILE": str(trusted),
            "QUIVIVE_ALLOW_TARGETS": "127.0.0.0/8,::1/128",
            "QUIVIVE_MIN_INTERVAL": "3s",
            "QUIVIVE_REFERENCES": ",".join(references[:2]),
            "QUIVIVE_SMTP_URL": f"smtp://{HOST}:{mail_port(places)}",
            "QUIVIVE_MAIL_FROM": "quivive@demo.example",
        },
    )


def beside(configuration: Configuration, demo: Demo) -> Configuration:
    """The user's configuration, if any, with the demo's behind it."""
    return configuration.model_copy(
        update={
            "customers": (*configuration.customers, *_customers()),
            "sites": (*configuration.sites, *_sites(demo.places)),
            "channels": (*configuration.channels, *_channels()),
            "regions": configuration.regions or tuple(RegionConfig(id=name) for name in REGIONS),
        }
    )


def site_url(places: Places, site: DemoSite) -> str:
    return f"{'https' if site.https else 'http'}://{site.host}:{site_port(places, site.id)}/"


def _program(name: str, module: str, *arguments: str) -> Program:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return Program(name, (sys.executable, "-m", module, *arguments), environment, stop_within=STOP_WITHIN)


def _customers() -> tuple[CustomerConfig, ...]:
    return tuple(
        CustomerConfig.model_validate({"id": id_, "name": name, "plan": plan, "locale": locale, "timezone": zone})
        for id_, (name, plan, locale, zone) in CUSTOMERS.items()
    )


def _sites(places: Places) -> tuple[SiteConfig, ...]:
    return tuple(
        SiteConfig.model_validate(
            {
                "id": site.id,
                "customer": site.customer,
                "url": site_url(places, site),
                "interval": f"{INTERVAL_S}s",
                "timeout": f"{TIMEOUT_S}s",
            }
        )
        for site in SITES
    )


def _channels() -> tuple[EmailChannelConfig, ...]:
    return (
        EmailChannelConfig(
            id="demo-mail", type="email", to=("on-call@demo.example",), audience=("incidents", "operations")
        ),
    )
