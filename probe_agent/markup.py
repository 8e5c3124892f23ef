"""A page's tags, one after the other, without building a tree, in linear time whatever the page: it may be made to take long."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BEGINNING = re.compile(r"<(?:!|/?([a-zA-Z][a-zA-Z0-9]*))")
_ENDS = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style", "noscript", "template", "title")
}
"""What closes the elements that are read as one piece."""
_COMMENT = "-->"


class Tag(NamedTuple):
    """A tag from `start` to `end`; with `inner`, the whole element. Comments and declarations have no name."""

    start: int
    end: int
    name: str = ""
    """In lower case."""
    attributes: str = ""
    closes: bool = False
    inner: str | None = None


def tags(html: str) -> Iterator[Tag]:
    """Every tag, in order. Scripts, styles, templates and the title come as one, where they are closed."""
    place = 0
    absent: set[str] = set()
    """Ends that do not come any more: looked for once only."""
    while (beginning := _BEGINNING.search(html, place)) is not None:
        if beginning[1] is None:
            end = _end_of_comment(html, beginning.start(), absent) or html.find(">", beginning.end()) + 1
            tag = Tag(beginning.start(), end)
        else:
            end = html.find(">", beginning.end()) + 1
            tag = _named(html, beginning, end, absent)
        if not end:
            return
        yield tag
        place = tag.end


def _end_of_comment(html: str, start: int, absent: set[str]) -> int:
    """0 where none begins, or none ends."""
    if _COMMENT in absent or not html.startswith("<!--", start):
        return 0
    end = html.find(_COMMENT, start + 4)
    if end < 0:
        absent.add(_COMMENT)
        return 0
    return end + len(_COMMENT)


def _named(html: str, opening: re.Match[str], end: int, absent: set[str]) -> Tag:
    name, closes = opening[1].lower(), html.startswith("</", opening.start())
    attributes = html[opening.end() : end - 1]
    if name in _ENDS and not closes and name not in absent and end:
        closing = _ENDS[name].search(html, end)
        if closing is not None:
            return Tag(opening.start(), closing.end(), name, attributes, False, html[end : closing.start()])
        absent.add(name)
    return Tag(opening.start(), end, name, attributes, closes)
