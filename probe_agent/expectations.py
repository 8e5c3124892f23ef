"""What a page is expected to hold, decided while it arrives, so that no more is read than needed."""

import re
from dataclasses import dataclass
from functools import lru_cache

from probe_agent.signatures import Signature, recognise
from probe_agent.targets import HttpTarget

EXCERPT_CHARACTERS = 512
WHOLE_CHARACTERS = 64 * 1024
"""Without an expectation about its text, a page is read this far: enough to see that the site delivers what it announces."""
MAX_CHARACTERS = 1024 * 1024
"""No page is read further than this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a body held."""

    has_required: bool
    has_forbidden: bool
    characters: int
    """Read so far."""
    cut: bool
    """There was more than was read."""
    is_empty: bool = False
    """It came whole, and there is nothing in it to see."""
    signature: Signature | None = None
    """What the page is known as, where it is one that stands in for the site."""


class Body:
    """A page's text as it comes in. `wants_all`: for whoever compares the whole page with its past."""

    def __init__(self, target: HttpTarget, *, wants_all: bool = False) -> None:
        self._required, self._forbidden = target.body_contains, target.body_excludes
        self._overlap = max(len(self._required), len(self._forbidden), 1) - 1
        self._wants_all = wants_all
        self._tail = ""
        self._has_required = not self._required
        self._has_forbidden = False
        self._pieces: list[str] = []
        self.characters = 0

    def feed(self, text: str) -> bool:
        """Take the next piece; True once nothing that follows can change the finding."""
        self.characters += len(text)
        self._pieces.append(text)
        if self._required or self._forbidden:
            self._search(self._tail + text)
        if self._has_forbidden or self.characters >= MAX_CHARACTERS:
            return True
        if self._wants_all:
            return False
        if not self._required and not self._forbidden:
            return self.characters >= WHOLE_CHARACTERS
        return self._has_required and not self._forbidden

    @property
    def text(self) -> str:
        """All that was read."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def excerpt(self) -> str:
        """The first lines, for a person."""
        return self.text[:EXCERPT_CHARACTERS]

    def finding(self, *, cut: bool, status: int = 200, is_page: bool = False) -> Finding:
        """What was found up to here. `is_page`: it says that it is HTML, so there has to be something to see."""
        # A page that has the text it is expected to have is the site's own, whatever else it says.
        is_vouched_for = bool(self._required) and self._has_required
        return Finding(
            self._has_required,
            self._has_forbidden,
            self.characters,
            cut,
            is_empty=not cut and not is_vouched_for and self._is_empty(is_page),
            signature=None if is_vouched_for else recognise(self.text, status),
        )

    def _search(self, window: str) -> None:
        if not self._has_required and self._required in window:
            self._has_required = True
        if self._forbidden and self._forbidden in window:
            self._has_forbidden = True
        self._tail = window[-self._overlap :] if self._overlap else ""

    def _is_empty(self, is_page: bool) -> bool:
        if self.characters == 0:
            return is_page or bool(self._required)
        return is_page and self.characters < NEARLY_EMPTY_CHARACTERS and not has_something_to_see(self.text)


NEARLY_EMPTY_CHARACTERS = 4096
"""Longer pages are not suspected of showing nothing: scripts may well fill them."""

_UNSEEN = re.compile(
    r"<!--.*?-->|<head\b.*?</head\s*>|<style\b.*?</style\s*>|<noscript\b.*?</noscript\s*>", re.S | re.I
)
_SHOWING = re.compile(
    r"<(?:img|svg|script|iframe|frame|frameset|object|embed|video|audio|canvas|picture|input|meta|link)\b", re.I
)
_TAG = re.compile(r"<[^>]*>")


@lru_cache(maxsize=256)
def has_something_to_see(text: str) -> bool:
    """Whether a short HTML page has any text, picture, script, frame or redirection."""
    if _SHOWING.search(text):
        return True
    return bool(_TAG.sub("", _UNSEEN.sub("", text)).replace("&nbsp;", "").strip())
