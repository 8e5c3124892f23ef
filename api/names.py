"""Resource names as they come in requests: `sites/martin-www`, `customers/martin`, `incidents/…`."""

import re
from dataclasses import dataclass

from api.errors import invalid_field

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_INCIDENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}")


@dataclass(frozen=True, slots=True)
class Subject:
    """What incidents and figures are asked of: exactly one of the two is set."""

    site: str | None = None
    customer: str | None = None

    def __str__(self) -> str:
        return f"sites/{self.site}" if self.site is not None else f"customers/{self.customer}"


def site_id(name: str, field: str = "name") -> str:
    """The id in `sites/{site}`. InvalidArgument otherwise."""
    return _id(name, "sites", field, _ID)


def check_name(name: str, field: str = "name") -> tuple[str, str | None]:
    """Site and check in `sites/{site}/checks/{check}`; None for the check in `sites/{site}`. InvalidArgument otherwise."""
    site, marker, check = name.partition("/checks/")
    if marker and not _ID.fullmatch(check):
        raise invalid_field(field, "BAD_NAME", f"{name[:100]!r} is not of the form sites/{{site}}/checks/{{check}}")
    return site_id(site, field), check if marker else None


def customer_id(name: str, field: str) -> str:
    """The id in `customers/{customer}`. InvalidArgument otherwise."""
    return _id(name, "customers", field, _ID)


def plan_id(name: str, field: str = "name") -> str:
    """The id in `plans/{plan}`. InvalidArgument otherwise."""
    return _id(name, "plans", field, _ID)


def region_id(name: str, field: str = "name") -> str:
    """The id in `regions/{region}`. InvalidArgument otherwise."""
    return _id(name, "regions", field, _ID)


def region_part(region: str, field: str) -> str:
    """A region's id as it is. InvalidArgument otherwise."""
    return new_id(region, field)


def channel_id(name: str, field: str = "name") -> str:
    """The id in `channels/{channel}`. InvalidArgument otherwise."""
    return _id(name, "channels", field, _ID)


def silence_id(name: str, field: str = "name") -> str:
    """The id in `silences/{silence}`. InvalidArgument otherwise."""
    return _id(name, "silences", field, _ID)


def schedule_id(name: str, field: str = "name") -> str:
    """The id in `schedules/{schedule}`. InvalidArgument otherwise."""
    return _id(name, "schedules", field, _ID)


def person_id(name: str, field: str = "name") -> str:
    """The id in `people/{person}`. InvalidArgument otherwise."""
    prefix, _, person = name.partition("/")
    if prefix != "people" or not _ID.fullmatch(person):
        raise invalid_field(field, "BAD_NAME", f"{name[:100]!r} is not of the form people/{{person}}")
    return person


def override_name(name: str, field: str = "name") -> tuple[str, str]:
    """Schedule and override in `schedules/{schedule}/overrides/{override}`. InvalidArgument otherwise."""
    schedule, marker, override = name.partition("/overrides/")
    if not marker or not _ID.fullmatch(override):
        raise invalid_field(
            field, "BAD_NAME", f"{name[:100]!r} is not of the form schedules/{{schedule}}/overrides/{{override}}"
        )
    return schedule_id(schedule, field), override


def token_id(name: str, field: str = "name") -> str:
    """The prefix in `tokens/{prefix}`. InvalidArgument otherwise."""
    return _id(name, "tokens", field, _ID)


def maintenance_id(name: str, field: str = "name") -> tuple[str, int]:
    """Site and number in `sites/{site}/maintenance/{maintenance}`. InvalidArgument otherwise."""
    site, marker, number = name.partition("/maintenance/")
    if not marker or not re.fullmatch(r"[0-9]{1,18}", number, re.ASCII):
        raise invalid_field(
            field, "BAD_NAME", f"{name[:100]!r} is not of the form sites/{{site}}/maintenance/{{maintenance}}"
        )
    return site_id(site, field), int(number)


def new_id(text: str, field: str) -> str:
    """An id for something new. InvalidArgument when it cannot be one."""
    if not _ID.fullmatch(text):
        raise invalid_field(field, "BAD_ID", f"{text[:100]!r} is not made of a to z, 0 to 9 and hyphens, at most 63")
    return text


def id_from_url(url: str) -> str:
    """An id for a site, made from its URL's host. InvalidArgument when there is none."""
    host = url.partition("://")[2].split("/")[0].rpartition("@")[2].split(":")[0].lower().removeprefix("www.")
    found = re.sub(r"[^a-z0-9]+", "-", host).strip("-")[:63].strip("-")
    if not found:
        raise invalid_field("site_id", "REQUIRED", "must be given where the URL has no host to make one from")
    return found


def incident_id(name: str) -> str:
    """The id in `incidents/{incident}`. InvalidArgument otherwise."""
    return _id(name, "incidents", "name", _INCIDENT_ID)


def subject(name: str, field: str = "subject") -> Subject:
    """A site or a customer. InvalidArgument otherwise."""
    if name.startswith("customers/"):
        return Subject(customer=customer_id(name, field))
    if name.startswith("sites/"):
        return Subject(site=site_id(name, field))
    raise invalid_field(field, "BAD_NAME", f"{name[:100]!r} is neither sites/{{site}} nor customers/{{customer}}")


def _id(name: str, collection: str, field: str, pattern: re.Pattern[str]) -> str:
    prefix, _, identifier = name.partition("/")
    if prefix != collection or not pattern.fullmatch(identifier):
        raise invalid_field(field, "BAD_NAME", f"{name[:100]!r} is not of the form {collection}/{{{collection[:-1]}}}")
    return identifier
