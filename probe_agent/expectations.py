"""What a page's text is expected to hold, decided while it arrives, so that no more is read than needed."""

from dataclasses import dataclass

from probe_agent.targets import HttpTarget

EXCERPT_CHARACTERS = 512
WHOLE_CHARACTERS = 64 * 1024
"""Without an expectation about its text, a page is read this far: enough to see that the site delivers what it announces."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a body held."""

    has_required: bool
    has_forbidden: bool
    characters: int
    """Read so far."""
    cut: bool
    """There was more than was read."""


class Body:
    """A page's text as it comes in."""

    def __init__(self, target: HttpTarget) -> None:
        self._required, self._forbidden = target.body_contains, target.body_excludes
        self._overlap = max(len(self._required), len(self._forbidden), 1) - 1
        self._tail = ""
        self._has_required = not self._required
        self._has_forbidden = False
        self._characters = 0
        self.excerpt = ""

    def feed(self, text: str) -> bool:
        """Take the next piece; True once nothing that follows can change the finding."""
        if len(self.excerpt) < EXCERPT_CHARACTERS:
            self.excerpt += text[: EXCERPT_CHARACTERS - len(self.excerpt)]
        self._characters += len(text)
        window = self._tail + text
        if not self._has_required and self._required in window:
            self._has_required = True
        if self._forbidden and self._forbidden in window:
            self._has_forbidden = True
        self._tail = window[-self._overlap :] if self._overlap else ""
        if self._has_forbidden:
            return True
        if not self._required and not self._forbidden:
            return self._characters >= WHOLE_CHARACTERS
        return self._has_required and not self._forbidden

    def finding(self, *, cut: bool) -> Finding:
        """What was found up to here."""
        return Finding(self._has_required, self._has_forbidden, self._characters, cut)
