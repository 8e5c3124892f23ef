"""What people read, per locale, and how numbers, dates and durations are written there."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, get_timezone_location
from babel.lists import format_list
from babel.numbers import format_percent
from babel.units import format_unit

from quivive.domain.times import SECOND_US, to_datetime
from quivive.domain.words import Cause, Responsibility

LOCALES = ("en", "fr")

_UNITS = (("duration-day", 86_400), ("duration-hour", 3_600), ("duration-minute", 60), ("duration-second", 1))


class Phrases:
    """The phrases of one locale; whole sentences with places to fill in, nothing is put together from parts."""

    def __init__(self, locale: str, content: dict[str, Any]) -> None:
        self.locale = locale
        self._babel = Locale.parse(locale)
        self._content = content

    def text(self, key: str, **values: object) -> str:
        """The phrase at `section.key`, filled in. KeyError when there is none."""
        phrase: str = self._at(key)
        return phrase.format(**values)

    def count(self, key: str, count: int) -> str:
        """The phrase for a number of things, in the locale's plural form."""
        forms: dict[str, str] = self._at(key)
        return forms.get(self._babel.plural_form(count), forms["other"]).format(count=count)

    def cause(self, cause: int) -> str:
        return self.text(f"causes.{Cause(cause).name}")

    def responsibility(self, responsibility: int) -> str:
        return self.text(f"responsibilities.{Responsibility(responsibility).name}")

    def percent(self, ratio: float) -> str:
        """Cut after three decimals, not rounded: what is not 100 % never reads as 100 %."""
        cut = Decimal(repr(ratio)).quantize(Decimal("0.00001"), rounding=ROUND_DOWN)
        return format_percent(cut, self._at("formats.percent"), locale=self._babel)

    def duration(self, us: int) -> str:
        """The two largest units, cut to the second: `2 h 5 min`. Shorter than a second says 0 s."""
        rest = us // SECOND_US
        parts: list[str] = []
        for unit, size in _UNITS:
            count, rest = divmod(rest, size)
            if count:
                parts.append(format_unit(count, unit, length="short", locale=self._babel))
                if len(parts) == 2:
                    break
            elif parts:
                break
        return "\u00a0".join(parts) or format_unit(0, "duration-second", length="short", locale=self._babel)

    def milliseconds(self, count: int) -> str:
        """`240 ms`"""
        return format_unit(count, "duration-millisecond", length="short", locale=self._babel)

    def all_of(self, parts: Sequence[str]) -> str:
        """`one, two and three`"""
        return format_list(parts, locale=self._babel)

    def month(self, us: int, zone: ZoneInfo) -> str:
        """`March 2026`"""
        return format_skeleton("yMMMM", to_datetime(us), tzinfo=zone, locale=self._babel)

    def day(self, us: int, zone: ZoneInfo) -> str:
        """`March 1, 2026`"""
        local = to_datetime(us).astimezone(zone)
        text = format_date(local, "long", locale=self._babel)
        # French counts the first of a month, and only that: 1er mars, 2 mars.
        return f"1er{text[1:]}" if self.locale == "fr" and local.day == 1 else text

    def short_moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """Day and time to the minute, where the year is known: `Mar 12, 03:20`."""
        return format_datetime(moment, self._at("formats.short_moment"), tzinfo=zone, locale=self._babel)

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """Date and time to the second."""
        return format_datetime(moment, "medium", tzinfo=zone, locale=self._babel)

    def zone(self, zone: ZoneInfo) -> str:
        """The name of a zone for people; `Paris`, not `Europe/Paris`."""
        if zone.key == "UTC":
            return "UTC"
        return get_timezone_location(zone, return_city=True, locale=self._babel)

    def _at(self, key: str) -> Any:
        section, _, name = key.partition(".")
        return self._content[section][name]


@cache
def phrases(locale: str) -> Phrases:
    """The phrases of `fr` or `en`."""
    return Phrases(locale, yaml.safe_load(files("api").joinpath("locales", f"{locale}.yaml").read_text("utf-8")))
