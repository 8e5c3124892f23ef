"""What people read is complete in every language, and written as it is written there."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from api.phrases import LOCALES, phrases
from quivive.domain.times import to_us
from quivive.domain.words import Cause, Responsibility, State

PARIS = ZoneInfo("Europe/Paris")


def content(locale: str) -> Any:
    return yaml.safe_load(files("api").joinpath("locales", f"{locale}.yaml").read_text("utf-8"))


def test_every_language_has_the_same_phrases_with_the_same_places() -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return sorted(part.partition("}")[0] for part in str(value).split("{")[1:])

    english, french = content("en"), content("fr")
    for shared in (english, french):
        shared.pop("formats")
    assert shape(english) == shape(french)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_word_of_the_domain_has_a_phrase(locale: str) -> None:
    t = phrases(locale)
    assert all(t.cause(cause) for cause in Cause)
    assert all(t.responsibility(who) for who in Responsibility)
    assert all(t.text(f"states.{state.name}") for state in State)


@given(st.floats(0, 1, exclude_max=True))
def test_what_is_not_all_never_reads_as_a_hundred_percent(ratio: float) -> None:
    assert phrases("en").percent(ratio) != "100%"


def test_numbers_are_written_as_they_are_there() -> None:
    assert phrases("en").percent(0.9996) == "99.96%"
    assert phrases("fr").percent(0.9996) == "99,96\u202f%"
    assert phrases("fr").percent(1.0) == "100\u202f%"
    assert phrases("en").percent(0.99999999) == "99.999%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (3605, "1 h"), (200_000, "2 j 7 h")],
)
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    written = phrases("fr").duration(round(seconds * 1_000_000))
    assert written.replace("\u00a0", " ").replace("\u202f", " ") == text


def test_plural_forms_follow_the_language() -> None:
    assert [phrases("en").count("report.outages", n) for n in (0, 1, 2)] == ["0 outages", "1 outage", "2 outages"]
    assert [phrases("fr").count("report.outages", n) for n in (0, 1, 2)] == ["0 panne", "1 panne", "2 pannes"]


def test_dates_are_in_the_customer_s_zone_and_language() -> None:
    moment = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert phrases("fr").day(to_us(moment), PARIS) == "1er mars 2026"
    assert phrases("en").day(to_us(moment), PARIS) == "March 1, 2026"
    assert phrases("fr").month(to_us(moment), PARIS) == "mars 2026"
    assert phrases("fr").short_moment(moment, PARIS) == "1 mars, 00:30"
