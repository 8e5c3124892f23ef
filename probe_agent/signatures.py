"""Pages that stand in for a site that is not there, told by their text. The list is data: `signatures.toml`."""

import html
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from quivive.domain.words import Cause

LONGEST = 20_000
"""Characters that such a page has at most, where its block says nothing else."""

REMEMBERED = 16_384
"""Pages, by their hash."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of page."""

    name: str
    title: str
    """One line for a person."""
    cause: Cause
    texts: tuple[str, ...]
    """Any of these,"""
    also: tuple[str, ...]
    """and any of these, if there are any."""
    statuses: frozenset[int]
    """Hundreds; empty: any."""
    longest: int
    sample: str
    source: str

    def matches(self, text: str, status: int) -> bool:
        if len(text) > self.longest or (self.statuses and status // 100 not in self.statuses):
            return False
        return _has_any(text, self.texts) and (not self.also or _has_any(text, self.also))


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
    if "&" in text and len(text) <= LONGEST:
        text = html.unescape(text)
    for signature in load():
        if signature.matches(text, status):
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
        return Signature(
            name=str(block["name"]),
            title=str(block["title"]),
            cause=cause,
            texts=tuple(html.unescape(text) for text in _texts(block["texts"])),
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
