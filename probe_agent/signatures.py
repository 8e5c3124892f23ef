"""Pages that stand in for a site that is not there, told by their text. The list is data: `signatures.toml`."""

import html
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from quivive.domain.words import Cause

LONGEST = 20_000
"""Characters that such a page has at most, where its block says nothing else."""

SHORT = 2000
"""Characters that visitors see of such a page at most, where only its prose tells: whoever writes about an error writes more."""

REMEMBERED = 16_384
"""Pages, by their hash."""


_SPACES = str.maketrans("\u00a0\u202f", "  ")


class _Page:
    """A page's text in the forms that are searched."""

    def __init__(self, text: str, status: int) -> None:
        self.source, self.status = text, status

    @cached_property
    def prose(self) -> str:
        """With its entities resolved, and spaces that do not break as spaces."""
        text = self.source
        if "&" in text and len(text) <= LONGEST:
            text = html.unescape(text)
        return text.translate(_SPACES)

    @cached_property
    def is_short(self) -> bool:
        """Visitors do not see much of it."""
        return has_at_most(self.source, SHORT)


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of page."""

    name: str
    title: str
    """One line for a person."""
    cause: Cause
    markup: tuple[str, ...]
    """Any of these in the page as it was sent: nobody who writes about them sends them so;"""
    prose: tuple[str, ...]
    """or any of these in its text, of a page that says little else,"""
    also: tuple[str, ...]
    """and any of these, if there are any."""
    statuses: frozenset[int]
    """Hundreds; empty: any."""
    longest: int
    sample: str
    source: str

    def matches(self, page: _Page) -> bool:
        if len(page.source) > self.longest or (self.statuses and page.status // 100 not in self.statuses):
            return False
        if self.also and not _has_any(page.source, self.also):
            return False
        return _has_any(page.source, self.markup) or (_has_any(page.prose, self.prose) and self._counts_as_prose(page))

    def _counts_as_prose(self, page: _Page) -> bool:
        """A failing page fails anyway, whatever it is called; but a good one must not, nor may a bad one pass as blocked."""
        return (page.status // 100 != 2 and self.cause is not Cause.CDN_CHALLENGE) or page.is_short


_UNSEEN = {"<!--": "-->", "<script": "</script", "<style": "</style", "<title": "</title", "<noscript": "</noscript"}


def has_at_most(text: str, characters: int) -> bool:
    """Whether no more than so many characters of a page are for visitors to see. Takes linear time, whatever the page."""
    text, place, seen = text.lower(), 0, 0
    while seen <= characters:
        start = text.find("<", place)
        seen += sum(len(word) + 1 for word in text[place : start if start >= 0 else len(text)].split())
        if start < 0:
            break
        end = next((end for begin, end in _UNSEEN.items() if text.startswith(begin, start)), ">")
        place = text.find(end, start + 1) + len(end)
        if place < len(end):
            break
    return seen <= characters


def _has_any(text: str, parts: tuple[str, ...]) -> bool:
    # A loop: a generator would cost more than the search.
    for part in parts:  # noqa: SIM110
        if part in text:
            return True
    return False


@cache
def load() -> tuple[Signature, ...]:
    """Every signature, in the order of the file. ValueError for a block that is not as the file's head says."""
    text = files("probe_agent").joinpath("signatures.toml").read_text("utf-8")
    return tuple(_signature(block) for block in tomllib.loads(text)["signature"])


def recognise(text: str, status: int) -> Signature | None:
    """The first signature that a page's text has."""
    # The same page comes every half minute: what is known of it is not looked for again. Python's hashes are keyed.
    key = hash(text), len(text), status
    if key not in _recognised:
        if len(_recognised) >= REMEMBERED:
            _recognised.clear()
        _recognised[key] = _look_for(text, status)
    return _recognised[key]


_recognised: dict[tuple[int, int, int], Signature | None] = {}


def _look_for(text: str, status: int) -> Signature | None:
    page = _Page(text, status)
    for signature in load():
        if signature.matches(page):
            return signature
    return None


def _signature(block: dict[str, object]) -> Signature:
    unknown = block.keys() - {"name", "title", "cause", "texts", "also", "statuses", "longest", "sample", "source"}
    if unknown:
        raise ValueError(f"signatures.toml: {block.get('name')}: unknown {', '.join(sorted(unknown))}")
    try:
        cause = Cause[str(block["cause"])]
        longest = block.get("longest", LONGEST)
        assert isinstance(longest, int)
        texts = _texts(block["texts"])
        return Signature(
            name=str(block["name"]),
            title=str(block["title"]),
            cause=cause,
            markup=tuple(text for text in texts if "<" in text),
            prose=tuple(text for text in texts if "<" not in text),
            also=_texts(block.get("also", ())),
            statuses=frozenset(int(hundred) for hundred in _texts(block.get("statuses", ()))),
            longest=longest,
            sample=str(block["sample"]),
            source=str(block["source"]),
        )
    except KeyError as error:
        raise ValueError(f"signatures.toml: {block.get('name')}: {error}") from error


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, Sequence)
    return tuple(str(part) for part in value)
