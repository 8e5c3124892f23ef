"""What a page is like, what it is known to be like, and whether the one still resembles the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MANY_LINKS = 15
"""More links to other hosts than ever before, by this and by half, are a burst."""
FAR_BITS = 22
"""Texts whose hashes differ by more of the 64 bits, and by more than was usual, have little in common."""
SPREAD_MARGIN = 8
NEAR_BITS = 3
"""Texts that differ by less are the same to us."""
FEW_WORDS = 30
"""The hash of a shorter text says little."""
SHOWN = 5

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PageFeatures:
    """What a page's text and links amount to."""

    title: str = ""
    text_hash: int = 0
    """SimHash: similar texts differ in few of its 64 bits."""
    words: int = 0
    script_hosts: tuple[str, ...] = ()
    """Sorted; the page's own is not among them."""
    outgoing_links: int = 0
    hidden_links: int = 0


@dataclass(frozen=True, slots=True)
class PageBaseline:
    """What a page is known to be like."""

    titles: tuple[str, ...] = ()
    """Those it had, the newest last."""
    text_hash: int = 0
    words: int = 0
    text_spread: int = 0
    """Bits by which good observations differ from each other."""
    script_hosts: frozenset[str] = frozenset()
    outgoing_links: int = 0
    """The most that was seen."""
    hidden_links: int = 0


def bits_apart(one: int, other: int) -> int:
    """In how many of their bits two hashes differ."""
    return (one ^ other).bit_count()


def findings(known: PageBaseline, page: PageFeatures) -> list[str]:
    """What about the page does not fit its past, in words; none means that it resembles itself."""
    return list(_findings(known, page))


def differs(known: PageBaseline, page: PageFeatures) -> bool:
    """Whether the page is worth telling of: it drifted, or there is something to learn."""
    return (
        page.title not in known.titles
        or not known.script_hosts.issuperset(page.script_hosts)
        or page.outgoing_links > known.outgoing_links
        or page.hidden_links > known.hidden_links
        or bits_apart(known.text_hash, page.text_hash) > max(known.text_spread, NEAR_BITS)
        or bool(findings(known, page))
    )


def _findings(known: PageBaseline, page: PageFeatures) -> Iterator[str]:
    strange = [host for host in page.script_hosts if host not in known.script_hosts]
    if strange:
        yield f"scripts from hosts never seen on this page: {', '.join(strange[:SHOWN])}"
    if page.outgoing_links > known.outgoing_links + max(MANY_LINKS, known.outgoing_links // 2):
        yield f"{page.outgoing_links} links to other sites, at most {known.outgoing_links} before"
    if page.hidden_links > known.hidden_links + 2:
        yield f"{page.hidden_links} links that no visitor can see, at most {known.hidden_links} before"
    if known.titles and not any(_share_a_word(title, page.title) for title in known.titles):
        yield f"the title is {page.title!r}, it was {known.titles[-1]!r}"
    apart = bits_apart(known.text_hash, page.text_hash)
    if min(known.words, page.words) >= FEW_WORDS and apart > max(FAR_BITS, known.text_spread + SPREAD_MARGIN):
        yield "the text has little in common with what it was"
    elif known.words >= 10 * FEW_WORDS and page.words < FEW_WORDS:
        yield f"the text has shrunk to {page.words} words, from {known.words}"


def _share_a_word(one: str, other: str) -> bool:
    words = set(_WORD.findall(one.lower()))
    return one == other or not words or bool(words & set(_WORD.findall(other.lower())))
