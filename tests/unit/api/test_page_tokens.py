"""Page tokens come back as they were given out, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidArgument
from api.page_tokens import DEFAULT_SIZE, MAX_SIZE, decode, encode, page_size

LISTING = ("incidents", "sites/martin-www", 1)


@given(st.integers(0, 2**53), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
def test_a_token_comes_back_as_it_was(start: int, last: str) -> None:
    assert decode(encode((start, last), LISTING), LISTING, (int, str)) == (start, last)


def test_no_token_is_the_first_page() -> None:
    assert decode("", LISTING, (int, str)) is None


@given(st.text(max_size=200))
def test_anything_else_is_refused_and_never_crashes(token: str) -> None:
    if token:
        with pytest.raises(InvalidArgument):
            decode(token, LISTING, (int, str))


def test_a_token_of_another_listing_is_refused() -> None:
    token = encode((1, "a"), LISTING)
    with pytest.raises(InvalidArgument) as caught:
        decode(token, ("incidents", "sites/other", 1), (int, str))
    assert caught.value.reason == "BAD_PAGE_TOKEN"


@pytest.mark.parametrize("key", [("a", "b"), (1,), (1, "a\0"), (-1, "a"), (10**30, "a"), (True, "a")])
def test_a_well_sealed_token_with_wrong_content_is_refused(key: tuple[str | int, ...]) -> None:
    with pytest.raises(InvalidArgument):
        decode(encode(key, LISTING), LISTING, (int, str))


def test_page_sizes_have_a_default_and_a_cap() -> None:
    assert page_size(0) == DEFAULT_SIZE
    assert page_size(7) == 7
    assert page_size(10**6) == MAX_SIZE
    with pytest.raises(InvalidArgument):
        page_size(-1)
