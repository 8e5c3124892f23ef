"""Ids made from names: lower-case letters, digits and hyphens, each once."""

import re
import unicodedata
from collections.abc import Container

MAX_ID = 63
_LETTERS = str.maketrans(
    {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d"}
)


def id_from(*names: str) -> str:
    """An id from the first of the names that has a letter or digit to give; nothing when none has."""
    for name in names:
        bare = re.sub(r"^[a-z]+://(www\.)?", "", name.strip(), flags=re.IGNORECASE).translate(_LETTERS)
        plain = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode().lower()
        made = re.sub(r"[^a-z0-9]+", "-", re.sub(r"[’']", "-", plain)).strip("-")[:MAX_ID].strip("-")
        if made:
            return made
    return ""


def unique(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or the first of wanted-2, wanted-3, ... that is free."""
    number, made = 1, wanted
    while made in taken:
        number += 1
        ending = f"-{number}"
        made = wanted[: MAX_ID - len(ending)].rstrip("-") + ending
    return made
