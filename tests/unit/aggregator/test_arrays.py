"""Array literals that PostgreSQL reads."""

from datetime import UTC, datetime

from aggregator.persist.arrays import array, columns
from quivive.domain.words import Cause


def test_elements_are_written_as_a_cast_reads_them() -> None:
    moment = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
    assert array([1, None, Cause.TCP_REFUSED, 0.5, True]) == f"{{1,NULL,{int(Cause.TCP_REFUSED)},0.5,true}}"
    assert array([moment]) == '{"2026-03-01T03:12:00+00:00"}'
    assert array(['a "b" \\ c', "NULL", "", "{x,y}"]) == '{"a \\"b\\" \\\\ c","NULL","","{x,y}"}'


def test_rows_become_columns() -> None:
    assert columns([{"a": 1, "b": "x"}, {"a": 2, "b": None}]) == {"a": "{1,2}", "b": '{"x",NULL}'}
