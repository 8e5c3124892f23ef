"""Early warnings: what deserves one. Nobody is paged; a daily digest tells. Pure: facts in, warnings out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = (1, 3, 7, 14, 30)
"""Before something expires; each is one warning."""
FAST = (timedelta(hours=1), timedelta(minutes=5), 14.4)
SLOW = (timedelta(hours=6), timedelta(minutes=30), 6.0)
"""A long window, a short one that says that it still goes on, and the burn rate that both must exceed."""


@dataclass(frozen=True, slots=True)
class Warning:
    """`key` is the same for as long as it is the same news."""

    key: str
    kind: str
    site: str | None
    title: str
    detail: str


def threshold(expire: datetime, now: datetime) -> int | None:
    """Of DAYS the smallest that what is left does not exceed; None while there is more. What has expired has 1."""
    left = expire - now
    return next((days for days in DAYS if left <= timedelta(days=days)), None)


def certificate(
    site: str, check: int, host: str, fingerprint: str, expire: datetime | None, now: datetime
) -> Warning | None:
    days = None if expire is None else threshold(expire, now)
    if days is None or expire is None:
        return None
    return Warning(
        f"certificate/{check}/{host}/{fingerprint[:16]}/{days}",
        "certificate",
        site,
        f"{site}: certificate of {host}",
        f"{'expired' if expire <= now else 'expires'} {expire:%Y-%m-%d %H:%M} UTC",
    )


def issuer(site: str, check: int, host: str, fingerprint: str, now_is: str, was: str | None) -> Warning | None:
    if was is None or was == now_is:
        return None
    return Warning(
        f"issuer/{check}/{host}/{fingerprint[:16]}",
        "issuer",
        site,
        f"{site}: certificate of {host}",
        f"is from another issuer: {now_is}, before {was}",
    )


def domain(name: str, expire: datetime, registrar: str, now: datetime) -> Warning | None:
    days = threshold(expire, now)
    if days is None:
        return None
    at = f" at {registrar}" if registrar else ""
    verb = "expired" if expire <= now else "expires"
    return Warning(f"domain/{name}/{days}", "domain", None, f"domain {name}", f"{verb} {expire:%Y-%m-%d}{at}")


def slower(site: str, check: int, name: str, now_ms: float, usual_ms: float) -> Warning:
    return Warning(
        f"slower/{check}",
        "slower",
        site,
        f"{site}: {name} is slower than usual",
        f"{now_ms:.0f} ms, against {usual_ms:.0f} ms over four weeks (90th percentile)",
    )


def burning(site: str, check: int, objective: float, rates: Mapping[timedelta, float | None]) -> Warning | None:
    """`rates` by window. The faster of the two is said."""
    for long, short, limit in (FAST, SLOW):
        rate, recent = rates.get(long), rates.get(short)
        if rate is not None and recent is not None and rate >= limit and recent >= limit:
            hours = long // timedelta(hours=1)
            detail = f"{rate:.0f} times as fast as {objective:.2%} allows, over {hours} h"
            return Warning(f"burning/{check}/{hours}h", "burning", site, f"{site}: error budget burns", detail)
    return None


def registered_domains(hosts: Iterable[str]) -> list[tuple[str, ...]]:
    """For each host the names to ask a registry for, in order: two labels, then three where it knows of no such domain."""
    found: dict[tuple[str, ...], None] = {}
    for host in hosts:
        labels = host.lower().rstrip(".").split(".")
        if len(labels) < 2 or labels[-1].isdigit() or ":" in host:
            continue
        names = [".".join(labels[-count:]) for count in (2, 3) if len(labels) >= count]
        if len(labels[-1]) == 2 and len(labels[-2]) <= 3 and len(names) == 2:  # example.co.uk, exemple.gouv.fr
            names.reverse()
        found.setdefault(tuple(names))
    return list(found)
