"""What a page's text and links amount to, read from its HTML, and when it is worth the work.

One pass over the tags, without building a tree: a page of 100 kB takes a few milliseconds.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from html import unescape
from itertools import islice, pairwise
from urllib.parse import urlsplit

from probe_agent.checks import Check
from probe_agent.markup import tags
from probe_agent.targets import HttpTarget
from quivive.domain.pages import PageFeatures, differs, findings
from quivive.domain.times import SECOND_US

EVERY_US = 300 * SECOND_US
"""A page is compared with its past this often in each region; where drift is an outage, by every attempt."""
TITLE_CHARACTERS = 200
MOST_SCRIPT_HOSTS = 64
MOST_WORDS = 20_000
REMEMBERED = 65_536

MOST_TAGS = 20_000
"""No more of a page are looked at; large pages have some thousands."""
DEEPEST = 256
"""Elements that are kept in mind inside a hidden one."""

_SOURCE = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.I)
_LINK = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.I)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])"
    r"|(?:left|top|right|text-indent)\s*:\s*-\d{3,}",
    re.I,
)
_STYLE = re.compile(r"""\bstyle\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
_WORD = re.compile(r"\w+")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def features(html: str, url: str) -> PageFeatures:
    """What the page at `url` amounts to."""
    host = _host(url)
    title, texts = "", []
    scripts: set[str] = set()
    outgoing = hidden = 0
    inside: list[str] = []
    """Elements open since one that is hidden."""
    end = 0
    for tag in islice(tags(html), MOST_TAGS):
        if not inside:
            texts.append(html[end : tag.start])
        end, name = tag.end, tag.name
        if name == "title" and tag.inner is not None:
            title = title or " ".join(unescape(tag.inner).split())[:TITLE_CHARACTERS]
        elif tag.inner is not None:
            if name == "script" and (source := _value(_SOURCE, tag.attributes)):
                scripts.add(_host(source))
        elif tag.closes:
            _leave(inside, name)
        elif name:
            is_link = name == "a"
            if is_link and (there := _host(_value(_LINK, tag.attributes))) and there != host:
                outgoing += 1
            is_hidden = bool(tag.attributes and _HIDDEN.search(_value(_STYLE, tag.attributes)))
            can_hold = name not in _VOID and not tag.attributes.endswith("/")
            if (inside or is_hidden) and can_hold and len(inside) < DEEPEST:
                inside.append(name)
            hidden += is_link and bool(inside)
    texts.append(html[end:] if not inside else "")
    words = _WORD.findall(unescape(" ".join(texts)).lower())[:MOST_WORDS]
    return PageFeatures(
        title=title,
        text_hash=simhash(words),
        words=len(words),
        script_hosts=tuple(sorted(scripts - {"", host}))[:MOST_SCRIPT_HOSTS],
        outgoing_links=outgoing,
        hidden_links=hidden,
    )


def simhash(words: list[str]) -> int:
    """64 bits, each what most of the text's word pairs have there: similar texts differ in few of them."""
    pairs = set(pairwise(words)) if len(words) > 1 else {(word, "") for word in words}
    if not pairs:
        return 0
    counts = [0] * 64
    for one, other in pairs:
        digest = int.from_bytes(blake2b(f"{one} {other}".encode("utf-8", "replace"), digest_size=8).digest(), "little")
        for bit in _bits(digest):
            counts[bit] += 1
    return sum(1 << bit for bit, count in enumerate(counts) if 2 * count > len(pairs))


class Drifts:
    """Which pages are to be read whole now, and what came of it."""

    def __init__(self, every_us: int = EVERY_US) -> None:
        self._every_us = every_us
        self._looked_us: dict[int, int] = {}

    def wants(self, check: Check, now_us: int) -> bool:
        """Whether this attempt should read the whole page."""
        target = check.target
        if not isinstance(target, HttpTarget) or target.drift is None:
            return False
        if target.drift.outage and target.drift.baseline is not None:
            return True
        return not 0 <= now_us - self._looked_us.get(check.id, -self._every_us) < self._every_us

    def look(self, check: Check, html: str, url: str, now_us: int) -> tuple[PageFeatures | None, list[str]]:
        """The page's features where they are worth telling, and what is wrong with them where that is an outage."""
        target = check.target
        assert isinstance(target, HttpTarget)
        assert target.drift is not None
        if len(self._looked_us) > REMEMBERED:
            self._looked_us.clear()
        is_due = not 0 <= now_us - self._looked_us.get(check.id, -self._every_us) < self._every_us
        if is_due:
            self._looked_us[check.id] = now_us
        page, known = features(html, url), target.drift.baseline
        news = page if is_due and (known is None or differs(known, page)) else None
        return news, findings(known, page) if known is not None and target.drift.outage else []


def _leave(inside: list[str], name: str) -> None:
    """Close an element, and those that were left open in it; what was opened outside is none of ours."""
    if name in inside:
        while inside.pop() != name:
            pass


def _value(pattern: re.Pattern[str], attributes: str) -> str:
    found = pattern.search(attributes)
    return unescape(next((group for group in found.groups() if group), "")) if found else ""


def _host(url: str) -> str:
    """Without www: a site and its www are one. Empty for a relative reference or none."""
    try:
        return (urlsplit(url.strip()).hostname or "").lower().removeprefix("www.")
    except ValueError:
        return ""


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
