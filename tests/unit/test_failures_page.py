"""docs/failures.md names every cause, and tests that exist."""

import re
from pathlib import Path

import pytest

from quivive.domain.words import Cause

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failures.md"


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause], ids=lambda cause: cause.name)
def test_every_cause_stands_on_the_page(cause: Cause) -> None:
    assert re.search(rf"\b{cause.name}\b", PAGE.read_text("utf-8"))


def test_no_cause_stands_there_that_is_none() -> None:
    layers = "DNS|TCP|TLS|HTTP|CDN|RATE|CONTENT|HEARTBEAT|AGENT"
    named = set(re.findall(rf"\b(?:{layers})_[A-Z0-9_]+\b", PAGE.read_text("utf-8")))
    assert named <= {cause.name for cause in Cause}


def test_the_tests_that_it_names_exist() -> None:
    names = set(re.findall(r"\btest_\w+\.py\b", PAGE.read_text("utf-8")))
    tests = {path.name for path in PAGE.parents[1].joinpath("tests").rglob("test_*.py")}
    assert names
    assert names <= tests
