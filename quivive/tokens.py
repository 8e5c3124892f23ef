"""Bearer tokens of the api: `qv_<id>_<secret>`. The id may be shown; the secret has 240 random bits."""

import re
import secrets
from dataclasses import dataclass

_TOKEN = re.compile(r"qv_([a-z2-7]{8})_([A-Za-z0-9]{40})")
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_SECRET_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105  what secrets are made of


@dataclass(frozen=True, slots=True)
class Token:
    """A token in its two parts."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"qv_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Token({self.id})"


def new_token() -> Token:
    """A token that nobody has yet."""
    return Token(
        "".join(secrets.choice(_ID_ALPHABET) for _ in range(8)),
        "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40)),
    )


def parse_token(text: str) -> Token | None:
    """The token that is written there, None when it is none."""
    match = _TOKEN.fullmatch(text)
    return Token(match[1], match[2]) if match else None
