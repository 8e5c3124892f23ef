"""Whether a page still resembles its own past."""

from dataclasses import replace

import pytest

from quivive.domain.pages import PageBaseline, PageFeatures, differs, findings

PAGE = PageFeatures("Boulangerie Martin", 0b1011 << 40, 400, ("cdn.example",), 12, 0)
KNOWN = PageBaseline(("Boulangerie Martin",), 0b1011 << 40, 400, 2, frozenset({"cdn.example", "old.example"}), 12, 0)


def test_a_page_as_ever_is_not_worth_telling() -> None:
    assert findings(KNOWN, PAGE) == []
    assert not differs(KNOWN, PAGE)


@pytest.mark.parametrize(
    ("page", "finding"),
    [
        (replace(PAGE, script_hosts=("cdn.example", "evil.example")), "scripts from hosts never seen"),
        (replace(PAGE, outgoing_links=40), "40 links to other sites, at most 12 before"),
        (replace(PAGE, hidden_links=3), "3 links that no visitor can see"),
        (replace(PAGE, title="Cheap pills online"), "the title is 'Cheap pills online'"),
        (replace(PAGE, text_hash=PAGE.text_hash ^ (2**30 - 1)), "little in common"),
        (replace(PAGE, words=5), "shrunk to 5 words"),
    ],
)
def test_drift_is_told_in_words(page: PageFeatures, finding: str) -> None:
    (found,) = findings(KNOWN, page)
    assert finding in found
    assert differs(KNOWN, page)


@pytest.mark.parametrize(
    "page",
    [
        replace(PAGE, outgoing_links=20),
        replace(PAGE, title="Martin - new bread"),
        replace(PAGE, text_hash=PAGE.text_hash ^ 0xFFF),
        replace(PAGE, hidden_links=1),
    ],
)
def test_a_page_that_moves_a_little_is_learned_from_and_not_told(page: PageFeatures) -> None:
    assert findings(KNOWN, page) == []
    assert differs(KNOWN, page)
