"""Tokens in links: for one purpose, for a while, by whoever holds the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.signing import BadToken, ExpiredToken, read_token, sign_token

KEY = b"a key that nobody knows"
FIELDS = {"incident": "20260301-abcdefgh", "person": "zoé"}


def test_what_was_signed_is_read_again() -> None:
    assert read_token(KEY, "acknowledge", sign_token(KEY, "acknowledge", FIELDS, 1000), 999) == FIELDS


def test_it_ends_at_its_time() -> None:
    with pytest.raises(ExpiredToken):
        read_token(KEY, "acknowledge", sign_token(KEY, "acknowledge", FIELDS, 1000), 1000)


def test_it_is_good_for_its_purpose_alone() -> None:
    with pytest.raises(BadToken):
        read_token(KEY, "sign-in", sign_token(KEY, "acknowledge", FIELDS, 1000), 1)


def test_another_key_made_another_token() -> None:
    with pytest.raises(BadToken):
        read_token(b"another", "acknowledge", sign_token(KEY, "acknowledge", FIELDS, 1000), 1)


@given(st.text(max_size=300))
def test_nothing_else_is_a_token(text: str) -> None:
    with pytest.raises(BadToken):
        read_token(KEY, "acknowledge", text, 1)


@given(st.integers(min_value=0, max_value=200), st.characters(codec="ascii"))
def test_one_letter_changed_makes_it_void(place: int, letter: str) -> None:
    token = sign_token(KEY, "acknowledge", FIELDS, 1000)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(BadToken):
            read_token(KEY, "acknowledge", changed, 1)
