"""A plan's hours, in which response targets count."""

from functools import partial
from zoneinfo import ZoneInfo

from quivive.business_hours import parse_business_hours
from quivive.holidays import holidays_in
from quivive.working_time import WorkingTime


def working_time(hours: str | None, timezone: str, place: str) -> WorkingTime:
    """A plan's hours in a customer's zone; None: around the clock."""
    week = None if hours is None else parse_business_hours(hours)
    return WorkingTime(week, ZoneInfo(timezone), partial(holidays_in, place))
