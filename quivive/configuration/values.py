"""The values that configuration is made of, each with its limits. Their errors say what to write instead."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator

from quivive.business_hours import parse_business_hours
from quivive.configuration.durations import format_duration, parse_duration
from quivive.maintenance import check_ical

MAX_URL = 2048
MAX_MAINTENANCE_STARTS_PER_HOUR = 4

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?|_[\w-]{1,62}")
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[^\s@<>\"(),:;\[\]\\]{1,255}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_SECRET = re.compile(r"QUIVIVE_SECRET_[A-Z0-9_]{1,80}")


def check_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(
            f"{value!r} is not an id: 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end"
        )
    return value


def _check_text(value: str) -> str:
    if _UNPRINTABLE.search(value):
        raise ValueError("must be one line without control characters")
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _check_host(host: str) -> None:
    if ":" in host:  # an IPv6 address; urlsplit has taken the brackets off and checked it
        return
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{host!r} is not a host name")


def check_url(value: str) -> str:
    """An absolute http or https URL with a host, as it is to be requested. ValueError says what is wrong with it."""
    if len(value) > MAX_URL:
        raise ValueError(f"is longer than {MAX_URL} characters")
    if _UNPRINTABLE.search(value) or " " in value:
        raise ValueError(f"{value!r} has a space or a control character in it")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{value!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or "://" not in value:
        if "://" in value:
            raise ValueError(f"{value!r}: {parts.scheme} is not http or https")
        raise ValueError(f"{value!r} has no scheme, write https://{value.lstrip('/')}")
    if not host:
        raise ValueError(f"{value!r} has no host")
    if parts.username is not None:
        raise ValueError("must not hold a user name or a password: URLs are shown on pages and in logs")
    if port == 0:
        raise ValueError(f"{value!r}: there is no port 0")
    _check_host(host)
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_zone(value: str) -> str:
    if value not in _zones():
        raise ValueError(f"{value!r} is not a time zone, write an IANA name such as Europe/Paris")
    return value


def _check_job_cron(value: str) -> str:
    _simulate(value)
    return value


def _check_cron(value: str) -> str:
    if len(_simulate(value).minutes) > MAX_MAINTENANCE_STARTS_PER_HOUR:
        raise ValueError(f"{value!r} starts more than {MAX_MAINTENANCE_STARTS_PER_HOUR} times an hour")
    return value


def _simulate(value: str) -> CronSim:
    if len(value) > 100 or len(value.split()) != 5:
        raise ValueError(
            f"{value[:100]!r} is not a cron expression: write minute, hour, day of month, month and weekday"
        )
    try:
        simulation = CronSim(value, datetime(2024, 1, 1, tzinfo=UTC))
        next(simulation)
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{value!r} is not a cron expression: {error}") from None
    return simulation


def _check_calendar(value: str) -> str:
    check_ical(value)
    return value


def _check_business_hours(value: str) -> str:
    parse_business_hours(value)
    return value


def _check_holiday_place(value: str) -> str:
    import holidays

    country, dash, region = value.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known or (dash and region not in known[country]):
        raise ValueError(
            f"{value!r} is neither a country such as FR nor one of its regions such as DE-BY"
            + (f"; {country} has {', '.join(known[country]) or 'none'}" if country in known else "")
        )
    return value


def _parse_instant(value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{value!r} is not a time such as 2026-03-01T22:00:00+01:00") from None
    if not isinstance(value, datetime):
        raise ValueError("must be a time such as 2026-03-01T22:00:00+01:00")
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no offset, write {value.isoformat()}+01:00 or {value.isoformat()}Z")
    return value.astimezone(UTC)


def _format_instant(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _check_headers(value: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in value}) != len(value):
        raise ValueError("names a header twice")
    for name, content in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if name.lower() in ("content-length", "transfer-encoding", "connection"):
            raise ValueError(f"{name} is the agent's own and cannot be set")
        if len(content) > 4096 or _UNPRINTABLE.search(content):
            raise ValueError(f"{name}: a header value is one line of at most 4096 characters")
        if not content.isascii():
            raise ValueError(f"{name}: a header value is ASCII")
    return value


def _check_email(value: str) -> str:
    if len(value) > 254 or not _EMAIL.fullmatch(value):
        raise ValueError(f"{value[:254]!r} is not an e-mail address")
    return value


def _check_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(
            "must be the name of an environment variable that holds the secret, such as QUIVIVE_SECRET_CHAT; "
            "the secret itself does not belong here"
        )
    return value


def _check_secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        raise ValueError(
            "must be the name of a variable in the agents' environment, such as QUIVIVE_SECRET_SHOP; "
            "the secret itself does not belong here"
        )
    return value


def _check_plain_host(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        if not value or ":" in value:
            raise ValueError(f"{value!r} is not a host name") from None
        _check_host(value)
    return value


def _check_name_server(value: str) -> str:
    """192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53, ns1.example.com"""
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.startswith("[")):
        host, port = value, "53"
    if not 0 < int(port) <= 65535:
        raise ValueError(f"{value!r}: there is no port {port}")
    _check_plain_host(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    return value


def _check_status(value: object) -> int | str:
    """401, `2xx` or `200-399`."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 100 <= value <= 599:
            raise ValueError(f"{value} is not a status from 100 to 599")
        return value
    if isinstance(value, str):
        if re.fullmatch(r"[1-5]xx", value):
            return value
        if match := re.fullmatch(r"([1-5]\d\d)-([1-5]\d\d)", value):
            if match[1] > match[2]:
                raise ValueError(f"{value!r} ends before it begins")
            return value
    raise ValueError(f"{value!r} is not a status such as 200, a range such as 200-299, or 2xx")


def status_range(value: int | str) -> tuple[int, int]:
    """First and last of what a status in a configuration stands for."""
    if isinstance(value, int):
        return value, value
    if value.endswith("xx"):
        return int(value[0]) * 100, int(value[0]) * 100 + 99
    first, _, last = value.partition("-")
    return int(first), int(last)


def _check_whole_days(value: timedelta) -> timedelta:
    if value % _DAY:
        raise ValueError(f"{format_duration(value)} is not a number of whole days, write 30d")
    return value


def _between(shortest: timedelta, longest: timedelta) -> Callable[[timedelta], timedelta]:
    def check(value: timedelta) -> timedelta:
        if not shortest <= value <= longest:
            raise ValueError(
                f"{format_duration(value)} is outside {format_duration(shortest)} to {format_duration(longest)}"
            )
        return value

    return check


_DURATION = (BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str))
_SECOND, _HOUR, _DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
_NONE = timedelta(0)

Interval = Annotated[timedelta, *_DURATION, AfterValidator(_between(_SECOND, _DAY))]
Timeout = Annotated[timedelta, *_DURATION, AfterValidator(_between(_SECOND / 10, 120 * _SECOND))]
Latency = Annotated[timedelta, *_DURATION, AfterValidator(_between(_SECOND / 1000, 120 * _SECOND))]
Delay = Annotated[timedelta, *_DURATION, AfterValidator(_between(_NONE, _DAY))]
Period = Annotated[timedelta, *_DURATION, AfterValidator(_between(_SECOND, 400 * _DAY))]
Grace = Annotated[timedelta, *_DURATION, AfterValidator(_between(_NONE, 31 * _DAY))]
ResponseTarget = Annotated[timedelta, *_DURATION, AfterValidator(_between(60 * _SECOND, 31 * _DAY))]
Retention = Annotated[
    timedelta, *_DURATION, AfterValidator(_check_whole_days), AfterValidator(_between(4 * _DAY, 3660 * _DAY))
]
MaintenanceLength = Annotated[timedelta, *_DURATION, AfterValidator(_between(60 * _SECOND, 31 * _DAY))]
Instant = Annotated[
    datetime, BeforeValidator(_parse_instant), PlainSerializer(_format_instant, return_type=str, when_used="json")
]

Id = Annotated[str, AfterValidator(check_id)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_check_text)]
Phrase = Annotated[str, Field(min_length=1, max_length=1024)]
Url = Annotated[str, AfterValidator(check_url)]
Zone = Annotated[str, AfterValidator(_check_zone)]
Calendar = Annotated[str, AfterValidator(_check_calendar)]
BusinessHours = Annotated[str, Field(max_length=200), AfterValidator(_check_business_hours)]
HolidayPlace = Annotated[str, Field(max_length=20), AfterValidator(_check_holiday_place)]
Cron = Annotated[str, AfterValidator(_check_cron)]
JobCron = Annotated[str, AfterValidator(_check_job_cron)]
Headers = Annotated[dict[str, str], Field(max_length=50), AfterValidator(_check_headers)]
Email = Annotated[str, AfterValidator(_check_email)]
VariableName = Annotated[str, AfterValidator(_check_variable)]
SecretName = Annotated[str, AfterValidator(_check_secret)]
Host = Annotated[str, AfterValidator(_check_plain_host)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
NameServer = Annotated[str, AfterValidator(_check_name_server)]
Status = Annotated[int | str, PlainValidator(_check_status)]
Flag = Annotated[bool, Field(strict=True)]
