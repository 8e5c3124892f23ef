"""The worked examples of docs/verdict.md, |W| = 1 to 5: interval 30 s, timeout 10 s, a failing attempt takes 0.1 s."""

from pathlib import Path

import pytest
from deciding import S, Shard, policy_of

from quivive.domain.words import State

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "verdict.md").read_text("utf-8")
T0 = 200
"""The page's 0 s."""

Look = tuple[float, str, str]
"""Seconds after T0 at which it ends, region, "f" or "u"."""


def played(regions: str, looks: list[Look], blind: str = "") -> Shard:
    """Everybody has found the site up; then these attempts end, all under the suspicion's slot."""
    shard = Shard(policy_of(tuple(regions)))
    shard.wait(T0 - 11)
    shard.all_up(T0 - 10)
    if blind:
        shard.blind = frozenset(blind)
        shard.wait(T0 - 1)
    shard.said.clear()
    number: dict[str, int] = {}
    for end_s, region, word in looks:
        number[region] = number.get(region, -1) + 1
        look = shard.fail if word == "f" else shard.up
        look(region, T0 + end_s - 0.1, slot_s=T0, number=number[region])
    return shard


@pytest.mark.parametrize(
    ("regions", "looks", "blind", "confirm_s"),
    [
        ("a", [(0.1, "a", "f"), (5.2, "a", "f"), (10.3, "a", "f")], "", 10.3),
        ("a", [(0.1, "a", "f"), (5.2, "a", "f"), (10.3, "a", "u")], "", None),
        ("ab", [(0.1, "a", "f"), (0.3, "b", "f"), (0.7, "a", "f"), (0.9, "b", "f")], "", 0.9),
        ("ab", [(0.1, "a", "f"), (0.3, "b", "u"), (0.7, "a", "f")], "", None),
        ("ab", [(0.1, "a", "f"), (0.7, "a", "f"), (1.3, "a", "f")], "b", None),
        ("abc", [(0.1, "a", "f"), (0.3, "b", "f"), (0.3, "c", "f"), (0.7, "a", "f"), (0.9, "b", "f")], "", 0.9),
        (
            "abc",
            [(0.1, "a", "f"), (0.3, "b", "u"), (0.3, "c", "f"), (0.7, "a", "f"), (0.9, "c", "f"), (1.4, "a", "f"), (1.5, "c", "f")],
            "",
            1.5,
        ),
        ("abc", [(0.1, "a", "f"), (0.3, "b", "u"), (0.3, "c", "u"), (0.7, "a", "f")], "", None),
        ("abc", [(0.1, "a", "f"), (0.3, "b", "f"), (0.7, "a", "f"), (0.9, "b", "f")], "c", 0.9),
        ("abc", [(0.1, "a", "f"), (0.7, "a", "f"), (1.3, "a", "f")], "bc", None),
        (
            "abcd",
            [(t + i / 10, r, "f") for t in (0.1, 0.7, 1.3) for i, r in enumerate("ab")] + [(0.3, "c", "u"), (0.3, "d", "u")],
            "",
            None,
        ),
        (
            "abcd",
            [(0.1, "a", "f"), (0.2, "d", "u")]
            + [(t, r, "f") for t in (0.7, 1.3) for r in "abc"]
            + [(1.9, "b", "f"), (1.9, "c", "f")],
            "",
            1.9,
        ),
        ("abcde", [(t + i / 10, r, "f") for t in (0.1, 0.7) for i, r in enumerate("abc")], "de", 0.9),
        ("abcde", [(0.1, "a", "f"), (0.3, "c", "u")] + [(t, r, "f") for t in (0.7, 1.3, 1.9) for r in "ab"], "de", None),
    ],
)  # fmt: skip
def test_the_worked_examples_come_out_as_the_page_says(
    regions: str, looks: list[Look], blind: str, confirm_s: float | None
) -> None:
    shard = played(regions, sorted(looks), blind)
    confirmed = [round(incident.confirm_us / S - T0, 1) for incident in shard.confirmed]
    assert confirmed == ([] if confirm_s is None else [confirm_s])
    assert [incident.start_us for incident in shard.confirmed] == [T0 * S] * len(confirmed)


@pytest.mark.parametrize(("regions", "blind"), [("ab", "b"), ("abc", "bc")])
def test_too_few_who_see_is_unknown(regions: str, blind: str) -> None:
    shard = Shard(policy_of(tuple(regions)))
    shard.wait(T0 - 11)
    shard.all_up(T0 - 10)
    shard.blind = frozenset(blind)
    shard.wait(T0)
    assert shard.states()[-1][0] is State.UNKNOWN


def test_the_region_that_goes_on_failing_alone_is_in_partial_outage_after_its_second_slot() -> None:
    shard = played("abc", [(0.1, "a", "f"), (0.3, "b", "u"), (0.3, "c", "u"), (0.7, "a", "f")])
    shard.down("a", T0 + 30)
    assert shard.states()[-1][0] is State.PARTIAL_OUTAGE


def test_an_outage_of_five_regions_is_over_when_three_have_voted_up() -> None:
    shard = played("abcde", [(t + i / 10, r, "f") for t in (0.1, 0.7) for i, r in enumerate("abcde")])
    for i, region in enumerate("abc"):
        assert shard.resolved == []
        shard.up(region, T0 + 30 + i)
    assert len(shard.resolved) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "Confirmed at 10.3 s, start 0 s.",
        "confirmed at 0.9 s. If B is",
        "fail, A and C are a quorum at about 1.5 s.",
        "B and C are up: retracted.",
        "Two regions DOWN and two UP is not an outage",
        "The outage is over when 3 regions have voted UP",
    ],
)
def test_the_page_still_says_so(sentence: str) -> None:
    assert sentence in PAGE
