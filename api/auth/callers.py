"""Who is behind the call that is being answered."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Numbers are those of `quivive.v1.Role`."""

    OPERATOR = 1
    READER = 2
    CUSTOMER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """`token` is the part of the token that is no secret; empty for the server's own token and where none is asked for."""

    role: Role
    person: str
    token: str = ""
    customer: str | None = None
    """With Role.CUSTOMER: whose sites are all there is."""

    def may_know(self, customer: str) -> bool:
        """Whether anything of this customer's exists, as far as the caller is concerned."""
        return self.customer is None or self.customer == customer


ANYBODY = Caller(Role.OPERATOR, "anybody")
"""Where no token is asked for."""
NOBODY = Caller(Role.CUSTOMER, "nobody", customer="")
"""Outside of a call: sees nothing."""

_CALLER: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


def caller() -> Caller:
    """Whoever is behind the call that this task answers."""
    return _CALLER.get()


def answer_to(found: Caller) -> None:
    """From now on this task answers to `found`."""
    _CALLER.set(found)
