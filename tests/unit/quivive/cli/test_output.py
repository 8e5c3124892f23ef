"""What commands print, for people and for programs."""

import csv
import io
import sys

import pytest
import yaml

from quivive.cli import sparks
from quivive.cli.options import Output
from quivive.cli.output import as_csv, as_yaml, print_table, show

RECORDS = [
    {
        "name": "sites/a",
        "paused": False,
        "since": None,
        "tags": ["x", "y"],
        "times": {"detect": 1.5},
        "checks": [{"n": 1}],
    },
    {"name": "sites/b", "paused": True, "detail": "=1+1"},
]


def test_a_sheet_has_a_row_a_record_and_no_formula() -> None:
    first, second = csv.DictReader(io.StringIO(as_csv(RECORDS)))
    assert first == {
        "name": "sites/a",
        "paused": "false",
        "since": "",
        "tags": "x y",
        "times.detect": "1.5",
        "detail": "",
    }
    assert second["detail"] == "'=1+1"
    assert as_csv([]) == "\n"


def test_yaml_says_the_same_as_json() -> None:
    assert yaml.safe_load(as_yaml(RECORDS)) == RECORDS


@pytest.mark.parametrize(
    ("output", "start"), [(Output.JSON, "[\n"), (Output.YAML, "- name: sites/a\n"), (Output.CSV, "name,")]
)
def test_programs_get_the_form_they_ask_for(output: Output, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(output, RECORDS, lambda: pytest.fail("no table"))
    assert capsys.readouterr().out.startswith(start)


def test_a_table_has_no_colours_where_no_terminal_reads(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["state", "note"], [("DOWN", "\x1b[31mred\x07")], empty="")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "DOWN" in out


def test_days_are_a_mark_each(monkeypatch: pytest.MonkeyPatch) -> None:
    with io.TextIOWrapper(io.BytesIO(), encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert sparks.availability([1.0, 0.99995, 0.9998, 0.97, 0.5, None]).plain == "██▇▃▁·"
        assert sparks.latency([100.0, 50.0, None, 0.0]).plain == "█▅×▁"
        assert sparks.latency([]).plain == ""
    with io.TextIOWrapper(io.BytesIO(), encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert sparks.availability([1.0, 0.5, None]).plain.isascii()
