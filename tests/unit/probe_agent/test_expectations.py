from hypothesis import given
from hypothesis import strategies as st

from probe_agent.expectations import EXCERPT_CHARACTERS, WHOLE_CHARACTERS, Body, Finding
from probe_agent.targets import HttpTarget

words = st.text("abc", max_size=4)


def target(contains: str = "", excludes: str = "") -> HttpTarget:
    return HttpTarget("https://www.example.com/", body_contains=contains, body_excludes=excludes)


def read(body: Body, pieces: list[str]) -> Finding:
    for index, piece in enumerate(pieces):
        if body.feed(piece):
            return body.finding(cut=index < len(pieces) - 1)
    return body.finding(cut=False)


@given(words, words, st.lists(st.text("abc", max_size=5), max_size=30))
def test_the_finding_does_not_depend_on_how_the_text_was_cut(contains: str, excludes: str, pieces: list[str]) -> None:
    finding = read(Body(target(contains, excludes)), pieces)
    text = "".join(pieces)
    has_forbidden = bool(excludes) and excludes in text
    assert finding.has_forbidden == has_forbidden
    if not has_forbidden:
        assert finding.has_required == (contains in text)


@given(st.lists(st.text(max_size=300), max_size=10))
def test_the_excerpt_is_the_beginning(pieces: list[str]) -> None:
    body = Body(target(contains="never there \ud800"))
    for piece in pieces:
        body.feed(piece)
    assert body.excerpt == "".join(pieces)[:EXCERPT_CHARACTERS]


def test_reading_stops_with_the_required_text() -> None:
    assert Body(target(contains="bread")).feed("<p>bread, fresh from")


def test_reading_goes_on_while_a_forbidden_text_may_still_come() -> None:
    body = Body(target(contains="bread", excludes="hacked"))
    assert not body.feed("bread")
    assert body.feed(" hacked")


def test_without_expectations_enough_is_enough() -> None:
    body = Body(target())
    assert not body.feed("x" * (WHOLE_CHARACTERS - 1))
    assert body.feed("x")
