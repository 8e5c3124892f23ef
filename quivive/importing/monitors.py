"""One entry of another tool in our words: what it looks at, what was changed on the way, or why it cannot be taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_MONITORS = 100_000


class Unreadable(Exception):
    """The file is not what it was taken for; says why."""


class Refused(Exception):
    """This entry cannot be taken; says why."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who to sign in as. The secret is named in the configuration and never written into it."""

    secret: str = field(repr=False)
    user: str | None = None
    """None: the secret is a bearer token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """`check` has the keys that a check of the configuration has: `url`, `tcp`, `dns` or `heartbeat`, and how to look."""

    name: str
    type: str
    """In the other tool's words."""
    check: Mapping[str, Any] = field(default_factory=dict)
    credentials: Credentials | None = None
    interval: timedelta | None = None
    paused: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    """Name and value; the value is empty for a bare tag."""
    group: str = ""
    changes: tuple[str, ...] = ()
    """What is not as it was."""
    remarks: tuple[str, ...] = ()
    """The same, where it is true of so many that it is said once for all."""
    refusal: str = ""


class Notes:
    """Collects what one entry loses on its way."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.remarks: list[str] = []
        self.paused = False

    def change(self, text: str) -> None:
        if text not in self.changes:
            self.changes.append(text)

    def remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


def as_text(value: object) -> str:
    """What a column says, without surrounding space; nothing for NULL."""
    if value is None:
        return ""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def as_number(value: object) -> float | None:
    """A finite number of a column, whatever its type; None where there is none."""
    try:
        number = float(as_text(value))
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None


def as_flag(value: object) -> bool:
    return as_text(value).lower() in ("1", "true", "yes", "t", "y", "on", "1.0")
