"""Instants in requests."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from api.errors import invalid_field
from quivive.domain.times import to_datetime

FIRST_S, LAST_S = 0, 7_258_118_400
"""From 1970 to 2200: calendars, windows and zones do arithmetic with what is asked for, and must not run out of years."""


def instant_of(message: Timestamp, field: str) -> datetime:
    """What is finer than a microsecond is cut off. InvalidArgument for what is no time, or far away."""
    if not (FIRST_S <= message.seconds < LAST_S and 0 <= message.nanos < 1_000_000_000):
        raise invalid_field(field, "BAD_TIME", "is not a time from 1970 to 2200")
    return to_datetime(message.seconds * 1_000_000 + message.nanos // 1_000)
