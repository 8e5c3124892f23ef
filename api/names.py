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
