"""Query parameters as the fields of a request: `?page_size=50&open_only=true&start_time=2026-03-01T00:00:00Z`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from api.errors import InvalidArgument, invalid_field

M = TypeVar("M", bound=Message)

LONGEST = 2000
_TRUTH = {"true": True, "false": False}


def from_query(parameters: Mapping[str, str], message: M) -> M:
    """`message` with these fields. InvalidArgument for what is no field of it, or no value of the field."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, text in parameters.items():
        field = fields.get(name)
        if field is None:
            raise invalid_field(name[:100], "UNKNOWN_PARAMETER", f"is none of {', '.join(fields)}")
        if len(text) > LONGEST:
            raise invalid_field(name, "TOO_LONG", f"has more than {LONGEST} characters")
        if field.message_type is not None and field.message_type.full_name == Timestamp.DESCRIPTOR.full_name:
            getattr(message, name).FromDatetime(_instant(name, text))
        else:
            setattr(message, name, _value(field, name, text))
    return message


def _value(field: Any, name: str, text: str) -> str | int | bool:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return text
        case FieldDescriptor.TYPE_BOOL if text in _TRUTH:
            return _TRUTH[text]
        case FieldDescriptor.TYPE_INT32 if (
            text.lstrip("-").isascii() and text.lstrip("-").isdecimal() and len(text) < 10
        ):
            return int(text)
        case FieldDescriptor.TYPE_ENUM:
            prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
            value = field.enum_type.values_by_name.get(prefix + text.upper())
            if value is not None:
                return int(value.number)
            known = ", ".join(item.name.removeprefix(prefix).lower() for item in field.enum_type.values[1:])
            raise invalid_field(name, "BAD_VALUE", f"is none of {known}")
    raise _bad(name, text)


def _instant(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid_field(name, "BAD_TIME", "is not a time such as 2026-03-01T00:00:00Z") from None


def _bad(name: str, text: str) -> InvalidArgument:
    return invalid_field(name, "BAD_VALUE", f"cannot be {text[:50]!r}")
