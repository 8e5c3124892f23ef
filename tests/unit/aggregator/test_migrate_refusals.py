"""Which TimescaleDB is refused."""

import pytest

from aggregator.migrate import Refused, refuse_old_community


@pytest.mark.parametrize(
    ("version", "licence"),
    [
        ("2.18.1", "timescale"),
        ("2.19.0-dev", "timescale"),
        ("3.0.0", "timescale"),
        ("2.10.0", "apache"),
        ("2.19.3", None),
    ],
)
def test_editions_that_keep_every_row_are_taken(version: str, licence: str | None) -> None:
    refuse_old_community(version, licence)


@pytest.mark.parametrize("version", ["2.18.0", "2.9.9", "1.7.5"])
def test_a_community_edition_that_loses_rows_is_refused_with_what_to_do(version: str) -> None:
    with pytest.raises(Refused, match=f"TimescaleDB {version} Community .* upgrade it"):
        refuse_old_community(version, "timescale")
