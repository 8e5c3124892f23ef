"""Named sections of `.sql` files."""

import sys
from pathlib import Path

import pytest

from quivive import sql


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package to put `.sql` files into, importable as `stored_sql`."""
    folder = tmp_path / "stored_sql"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stored_sql", raising=False)
    return folder


def test_sections_are_found_by_name(package: Path) -> None:
    (package / "a.sql").write_text(
        "-- What this file is for.\n\n-- name: site_get\nSELECT 1;\n\n-- name: site_list (by name)\nSELECT 2\n  FROM x;\n"
    )
    assert sql.load("stored_sql", "a.sql") == {"site_get": "SELECT 1;", "site_list": "SELECT 2\n  FROM x;"}


def test_a_name_used_twice_is_refused(package: Path) -> None:
    (package / "a.sql").write_text("-- name: x\nSELECT 1;\n-- name: x\nSELECT 2;\n")
    with pytest.raises(ValueError, match="used twice"):
        sql.load("stored_sql", "a.sql")


def test_text_before_the_first_section_is_refused(package: Path) -> None:
    (package / "a.sql").write_text("SELECT 0;\n-- name: x\nSELECT 1;\n")
    with pytest.raises(ValueError, match="before the first section"):
        sql.load("stored_sql", "a.sql")
