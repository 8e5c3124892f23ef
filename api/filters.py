"""Filters of listings: terms joined by AND, each `field = value`, `field != value` or `field : part`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from api.errors import InvalidArgument, invalid_field

LONGEST = 1000
MOST_TERMS = 20

_TERM = re.compile(r"\s*(\w+)\s*(!=|=|:)\s*(\"(?:[^\"\\]|\\.)*\"|[^\s\"]+)\s*")
_AND = re.compile(r"AND\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """`operator` is `=`, `!=` or `:`, which finds a part of a text, whatever its case."""

    field: str
    operator: str
    value: str

    def holds(self, *values: str) -> bool:
        """Whether it holds of a field with these values."""
        match self.operator:
            case "=":
                return self.value in values
            case "!=":
                return self.value not in values
            case _:
                part = self.value.casefold()
                return any(part in value.casefold() for value in values)


def parse_filter(text: str, fields: Sequence[str]) -> list[Term]:
    """The terms. InvalidArgument for what is none, or of another field than these."""
    if not text.strip():
        return []
    if len(text) > LONGEST:
        raise invalid_field("filter", "TOO_LONG", f"has more than {LONGEST} characters")
    if "\0" in text:
        raise invalid_field("filter", "BAD_FILTER", "has a NUL")
    terms: list[Term] = []
    position = 0
    while True:
        match = _TERM.match(text, position)
        if match is None:
            raise _bad(text, position, "a term such as state = DOWN")
        field, operator, value = match.groups()
        if field not in fields:
            raise invalid_field("filter", "BAD_FILTER", f"{field[:50]} is none of the fields {', '.join(fields)}")
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        terms.append(Term(field, operator, value))
        position = match.end()
        if position == len(text):
            break
        joint = _AND.match(text, position)
        if joint is None:
            raise _bad(text, position, "AND")
        position = joint.end()
    if len(terms) > MOST_TERMS:
        raise invalid_field("filter", "TOO_LONG", f"has more than {MOST_TERMS} terms")
    return terms


def require_values(terms: Sequence[Term], field: str, allowed: Sequence[str]) -> None:
    """InvalidArgument when a term asks for a value that the field cannot have."""
    for term in terms:
        if term.field == field and (term.operator == ":" or term.value not in allowed):
            raise invalid_field("filter", "BAD_FILTER", f"{field} takes = and != with one of {', '.join(allowed)}")


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by."""

    field: str
    descending: bool


def parse_order(text: str, fields: Sequence[str]) -> list[Order]:
    """`state, state_time desc`. InvalidArgument for another field than these."""
    orders: list[Order] = []
    for part in text.split(",") if text.strip() else ():
        words = part.split()
        if (
            not 1 <= len(words) <= 2
            or words[0] not in fields
            or (len(words) == 2 and words[1].lower() not in ("asc", "desc"))
        ):
            raise invalid_field(
                "order_by", "BAD_ORDER", f"{part.strip()[:50]!r} is none of {', '.join(fields)}, with desc or without"
            )
        orders.append(Order(words[0], len(words) == 2 and words[1].lower() == "desc"))
    if len(orders) > len(fields):
        raise invalid_field("order_by", "BAD_ORDER", "names more fields than there are")
    return orders


Value = str | int
T = TypeVar("T")


def position_after(keys: Sequence[Sequence[Value]], orders: Sequence[Order], last: Sequence[Value]) -> int:
    """How many of the sorted keys come up to and with `last`."""
    return sum(not _comes_after(key, last, orders) for key in keys)


def sorted_by(items: Sequence[T], key: Callable[[T], Sequence[Value]], orders: Sequence[Order]) -> list[T]:
    """The items in this order; `key` has one value for each part of it, and at last the name, which always ascends."""
    found = sorted(items, key=lambda item: key(item)[-1])
    for number in reversed(range(len(orders))):
        found.sort(key=lambda item, n=number: key(item)[n], reverse=orders[number].descending)  # type: ignore[misc]
    return found


def _comes_after(key: Sequence[Value], last: Sequence[Value], orders: Sequence[Order]) -> bool:
    for number, (mine, other) in enumerate(zip(key, last, strict=True)):
        if mine != other:
            descending = number < len(orders) and orders[number].descending
            return bool(mine < other if descending else mine > other)  # type: ignore[operator]
    return False


def _bad(text: str, position: int, wanted: str) -> InvalidArgument:
    return invalid_field("filter", "BAD_FILTER", f"{wanted} is missing at {text[position : position + 20]!r}")


def skipped(skip: int) -> int:
    """How many entries to leave out. InvalidArgument when negative or beyond what is sensible."""
    if not 0 <= skip <= 100_000:
        raise invalid_field("skip", "BAD_SKIP", "is not from 0 to 100000")
    return skip


FieldValues = Mapping[str, Sequence[str]]


def holds(terms: Sequence[Term], values: FieldValues) -> bool:
    """Whether all terms hold of something with these values, by field."""
    return all(term.holds(*values[term.field]) for term in terms)
