"""Secrets by their names: a variable of the environment, or the file that NAME_FILE names. Read each time: a file may change."""

import os
import re
from pathlib import Path

PREFIX = "QUIVIVE_SECRET_"
_NAME = re.compile(r"QUIVIVE_SECRET_[A-Z0-9_]{1,80}")
_MOST = 16_384


class NoSecret(Exception):
    """There is none of this name; the text says what is missing and shows no secret."""


def named_secret(name: str) -> str:
    """What the name stands for. NoSecret when nothing does, or when it is not the name of a secret for channels."""
    if not _NAME.fullmatch(name):
        raise NoSecret(f"{name[:80]!r} is not the name of a secret: it begins with {PREFIX}")
    return any_secret(name)


def any_secret(name: str) -> str:
    """The same for a name of any kind, where the secret only signs and is not sent."""
    if value := os.environ.get(name, "").strip():
        return value
    if file := os.environ.get(f"{name}_FILE"):
        try:
            value = Path(file).read_text("utf-8")[:_MOST].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoSecret(f"{name}_FILE cannot be read: {type(error).__name__}") from None
        if value:
            return value
    raise NoSecret(f"the environment variable {name} is not set")
