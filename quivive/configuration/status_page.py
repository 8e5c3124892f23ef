"""A customer's status page: who may see it, on which host, and how it looks."""

import base64
import binascii
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from quivive.configuration.channels import ChannelSecret
from quivive.configuration.declared import Declared
from quivive.configuration.values import Flag, Host, Text

LIGHT, DARK = (255, 255, 255), (22, 27, 34)
"""The cards that a heading in the customer's colour stands on."""
LEAST_CONTRAST = 3.0
"""Of large text and of what is not text: WCAG 2.2, criteria 1.4.3 and 1.4.11."""
LARGEST_LOGO = 64 * 1024

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LOGO = re.compile(r"data:image/(svg\+xml|png|jpeg|webp);base64,([A-Za-z0-9+/=\s]+)")


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """The contrast ratio of two sRGB colours, 1 to 21 (WCAG 2.2, "contrast ratio" and "relative luminance")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def rgb(colour: str) -> tuple[int, int, int]:
    """`#1a7f4b` as three numbers up to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: tuple[int, int, int]) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colour_on(ground: tuple[int, int, int], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if not _COLOUR.fullmatch(value):
            raise ValueError(f"{value[:40]!r} is not a colour such as '#0b5cad', in quotes")
        ratio = contrast(rgb(value), ground)
        if ratio < LEAST_CONTRAST:
            raise ValueError(
                f"{value} has a contrast of {ratio:.1f} to the {what} page, and less than {LEAST_CONTRAST:.0f} "
                f"cannot be read by everybody: choose a {'darker' if ground == LIGHT else 'lighter'} one"
            )
        return value.lower()

    return AfterValidator(check)


def _check_logo(value: str) -> str:
    match = _LOGO.fullmatch(value)
    if match is None:
        raise ValueError("must be an image in the text itself: data:image/svg+xml;base64,… (or png, jpeg, webp)")
    try:
        data = base64.b64decode(match[2], validate=False)
    except binascii.Error:
        raise ValueError("is not base64") from None
    if len(data) > LARGEST_LOGO:
        raise ValueError(f"has {len(data)} bytes, and at most {LARGEST_LOGO} are allowed")
    return f"data:image/{match[1]};base64,{base64.b64encode(data).decode()}"


def _check_domain(value: str) -> str:
    if not any(character.isalpha() for character in value.rpartition(".")[2]) or "." not in value.strip("."):
        raise ValueError(f"{value!r} is not a full host name such as status.bakery.example")
    return value.lower()


class StatusPageConfig(Declared):
    """Served at /status/{customer} while the customer's plan has one, and at `domain`."""

    access: Literal["public", "password"] = "public"
    password: ChannelSecret | None = None
    """Named: its value is in the api's environment. The user name is the customer's id."""
    domain: Annotated[Host, AfterValidator(_check_domain)] | None = None
    """A host of its own, which leads to the api."""
    title: Text | None = None
    """Instead of the customer's name."""
    colour: Annotated[str, _colour_on(LIGHT, "light")] | None = None
    colour_dark: Annotated[str, _colour_on(DARK, "dark")] | None = None
    """On the page of those who prefer a dark one."""
    logo: Annotated[str, Field(max_length=2 * LARGEST_LOGO), AfterValidator(_check_logo)] | None = None
    indexed: Flag = False
    """Whether search engines may list it."""

    @model_validator(mode="after")
    def _password_belongs_to_its_access(self) -> Self:
        if (self.access == "password") != (self.password is not None):
            raise ValueError("access: password and password: QUIVIVE_SECRET_… go together")
        return self
