"""Requests that nobody would write, made by hypothesis from the descriptors: every field, with values nearly right or far off."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

WORDS = (
    *(
        "",
        "martin",
        "martin-www",
        "sites/martin-www",
        "customers/martin",
        "customers/-",
        "plans/premium",
        "regions/eu-west",
    ),
    *(
        "sites/martin-www/checks/http",
        "sites/martin-www/maintenance/1",
        "incidents/open-1",
        "incidents/nothing",
        "silences/s-0",
    ),
    *(
        "tokens/aaaaaaaa",
        "sites/",
        "sites/..",
        "sites/\x00",
        "sites/a/b",
        "eu-west",
        "a" * 300,
        "\x00",
        "é\u202e\U0001f600",
        "' OR 1=1 --",
    ),
    *(
        "https://x.example/",
        "http://[::1",
        "https://user:pw@x.example/?token=1",
        "javascript:alert(1)",
        "0 3 * * SUN",
        "* * * * * *",
    ),
    *(
        "state = DOWN",
        "tag : a AND url != b",
        "state desc, name",
        'name = "',
        "2026-03",
        "2026-13",
        "9999-12",
        "GET",
        "wordpress",
    ),
    *(
        "BEGIN:VCALENDAR\nEND:VCALENDAR",
        "Europe/Paris",
        "fr",
        "always",
        "email",
        "monthly",
        "{}",
        '{"sites": [{}]}',
        "[" * 2000,
    ),
    "7b0cb1b4-8e3c-4f0e-9a3c-1c3f6a1f2d4e",
    *("interval", "declared_checks", "more.x", "*", "name", "expect.status", "a.b.c", "checks"),
)
NUMBERS = (0, 1, 2, 10, 999, 1000, 100_001, 2**31 - 1, -1, -(2**31))
TIMES = (
    (0, 0),
    (1_772_323_200, 0),
    (1_780_000_000, 999_999_999),
    (-62_135_596_801, 0),
    (2**62, 0),
    (1, -5),
    (253_402_300_800, 0),
)
LENGTHS = ((0, 0), (30, 0), (3600, 500_000), (-1, 0), (2**62, 0), (5, 2_000_000_000), (0, 1))
DEEP = 4


@st.composite
def requests(draw: st.DrawFn, kind: type[Message], depth: int = 0) -> Message:
    """A message of this kind."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if depth < DEEP and draw(st.integers(0, 9)) < (7 if depth == 0 else 4):
            _set(draw, message, field, depth)
    return message


def _set(draw: st.DrawFn, message: Message, field: Any, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entries = draw(st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=2))
        getattr(message, field.name).update(entries)
        return
    if field.is_repeated:
        place = getattr(message, field.name)
        for _ in range(draw(st.integers(0, 3))):
            if field.message_type is not None:
                place.add().CopyFrom(_value(draw, field, depth))
            else:
                place.append(_value(draw, field, depth))
        return
    value = _value(draw, field, depth)
    if isinstance(value, Message):
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, value)


def _value(draw: st.DrawFn, field: Any, depth: int) -> Any:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return draw(
                st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
            )
        case FieldDescriptor.TYPE_BYTES:
            return draw(st.binary(max_size=20))
        case FieldDescriptor.TYPE_BOOL:
            return draw(st.booleans())
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            return draw(st.floats())
        case FieldDescriptor.TYPE_ENUM:
            return draw(st.sampled_from([*(value.number for value in field.enum_type.values), 99]))
        case FieldDescriptor.TYPE_MESSAGE:
            kind = GetMessageClass(field.message_type)
            name = field.message_type.full_name
            if name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
                seconds, nanos = draw(st.sampled_from(TIMES if name.endswith("Timestamp") else LENGTHS))
                return kind(seconds=seconds, nanos=nanos)
            if name == "google.protobuf.Struct":
                struct = kind()
                struct.update(draw(st.dictionaries(st.sampled_from(WORDS), _JSON, max_size=2)))
                return struct
            return draw(requests(kind, depth + 1))
        case FieldDescriptor.TYPE_UINT32 | FieldDescriptor.TYPE_UINT64 | FieldDescriptor.TYPE_FIXED64:
            return abs(draw(st.sampled_from(NUMBERS)))
        case _:
            return draw(st.sampled_from(NUMBERS))


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(WORDS)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(WORDS), inner, max_size=2)),
    max_leaves=4,
)
