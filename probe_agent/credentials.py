"""Secrets that a configuration names: found in this agent's environment, or in a file that the environment names."""

import base64
import os
from pathlib import Path

from probe_agent.targets import HttpAuth

MAX_BYTES = 64 * 1024


class Missing(Exception):
    """This agent does not have the secret; the text is for its operator."""


def authorization(auth: HttpAuth) -> str:
    """The value of the Authorization header. Raises Missing."""
    secret = _secret(auth.secret)
    if not auth.user:
        return f"Bearer {secret}"
    return "Basic " + base64.b64encode(f"{auth.user}:{secret}".encode()).decode("ascii")


def _secret(name: str) -> str:
    """The variable's content, or that of the file which the variable `<name>_FILE` names: as secrets are mounted."""
    value = os.environ.get(name)
    if value is None and (path := os.environ.get(f"{name}_FILE")):
        try:
            with Path(path).open("rb") as file:
                value = file.read(MAX_BYTES).decode("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Missing(f"{name}_FILE cannot be read on this agent: {type(error).__name__}") from None
    if not value:
        raise Missing(f"{name} is not set on this agent")
    if not value.isascii() or not value.isprintable():
        raise Missing(f"{name} holds what no header can say")
    return value
