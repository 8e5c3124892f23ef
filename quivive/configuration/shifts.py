"""A declared schedule as a value that `quivive.oncall` reads."""

from collections.abc import Iterable
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from quivive.business_hours import WEEKDAYS, parse_business_hours
from quivive.configuration.paging import LayerConfig, ScheduleConfig
from quivive.domain.times import to_us
from quivive.oncall.schedules import Layer, Override, Schedule


def schedule_of(declared: ScheduleConfig, overrides: Iterable[Override] = ()) -> Schedule:
    """With overrides that are not declared: they decide before those that are."""
    own = (Override(item.person, to_us(item.start), to_us(item.end)) for item in declared.overrides)
    return Schedule(
        schedule=declared.id,
        zone=ZoneInfo(declared.timezone),
        layers=tuple(_layer(layer) for layer in declared.layers),
        overrides=(*own, *overrides),
    )


def _layer(declared: LayerConfig) -> Layer:
    weekday, _, clock = declared.handover.rpartition(" ")
    start = declared.start
    if weekday:
        start += timedelta(days=(WEEKDAYS.index(weekday) - start.weekday()) % 7)
    return Layer(
        rotation=declared.rotation,
        shift=declared.shift,
        start=start,
        handover=time.fromisoformat(clock),
        hours=None if declared.hours is None else parse_business_hours(declared.hours),
    )
