"""Declarations as messages, and messages as declarations: fields have the names of the keys in the YAML files.

1. Durations and instants become text, as people write them; map entries and lists stay what they are.
2. What a message leaves empty is not declared. With an update mask, it is taken back.
3. Keys without a field of their own travel in `more`.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import Error as JsonFormatError
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from api.errors import invalid_field
from quivive.configuration.durations import format_duration, parse_duration
from quivive.v1 import customer_pb2, maintenance_pb2, plan_pb2, site_pb2

Data = dict[str, Any]

KEYS: Mapping[str, Mapping[str, str]] = {
    site_pb2.Site.DESCRIPTOR.full_name: {"declared_checks": "checks"},
    customer_pb2.Customer.DESCRIPTOR.full_name: {"title": "name"},
    maintenance_pb2.MaintenanceWindow.DESCRIPTOR.full_name: {"start_time": "start"},
}
"""Where a field's key has another name."""
OUTPUT_ONLY: Mapping[str, frozenset[str]] = {
    site_pb2.Site.DESCRIPTOR.full_name: frozenset(
        ("name", "state", "state_time", "checks", "last_incident", "last_incident_start_time", "etag", "create_time")
    ),
    customer_pb2.Customer.DESCRIPTOR.full_name: frozenset(("name", "etag", "create_time", "site_count")),
    plan_pb2.Plan.DESCRIPTOR.full_name: frozenset(("name", "version", "etag", "create_time")),
}
REFERENCES = {"customer": "customers/", "plan": "plans/"}
"""Keys that hold an id, where the field holds a resource name."""
_MORE = "more"
_STATUS = "quivive.v1.Expectation.status"
_LONGEST_S = 100 * 366 * 86_400


def declared(message: Message, path: str) -> Data:
    """What a message declares; `path` is where it stands in the request. InvalidArgument for what is no declaration at all."""
    full_name = message.DESCRIPTOR.full_name
    names, left_out = KEYS.get(full_name, {}), OUTPUT_ONLY.get(full_name, frozenset())
    data: Data = {}
    for field, value in message.ListFields():
        if field.name in left_out or field.name == _MORE:
            continue
        data[names.get(field.name, field.name)] = _plain(field, value, f"{path}.{field.name}")
    if isinstance(more := getattr(message, _MORE, None), Struct):
        data |= _more(message, more, path)
    return data


def changed(before: Data, message: Message, mask: FieldMask | None, path: str) -> Data:
    """The declaration `before` with the fields of the mask as they are in `message`; without one, with those that are set."""
    after, wanted = deepcopy(before), declared(message, path)
    if mask is None:
        return _merged(after, wanted)
    if list(mask.paths) == ["*"]:
        return wanted
    for number, field_path in enumerate(mask.paths):
        steps = _steps(message.DESCRIPTOR, field_path, f"update_mask.paths[{number}]")
        if steps is not None:
            _copy(after, wanted, steps)
    return after


def fill(message: Message, data: Mapping[str, Any]) -> None:
    """Set the fields of `message` from a declaration."""
    descriptor = message.DESCRIPTOR
    fields = {key: name for name, key in KEYS.get(descriptor.full_name, {}).items()}
    left_out = OUTPUT_ONLY.get(descriptor.full_name, frozenset())
    more: Data = {}
    for key, value in data.items():
        field = descriptor.fields_by_name.get(fields.get(key, key))
        if key == "id":
            continue
        if field is None or field.name in left_out:
            more[key] = value
        else:
            _set(message, field, value)
    if more and _MORE in descriptor.fields_by_name:
        getattr(message, _MORE).update(more)


def _plain(field: Any, value: Any, path: str) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return dict(value)
    if field.is_repeated:
        if field.message_type is None:
            return [_counted(item) if field.full_name == _STATUS else _scalar(field, item) for item in value]
        return [declared(item, f"{path}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, Duration):
        return duration_text(value, path)
    if isinstance(value, Timestamp):
        return instant_text(value, path)
    if isinstance(value, Message):
        return declared(value, path)
    return _scalar(field, value, path)


def _scalar(field: Any, value: Any, path: str = "") -> Any:
    prefix = REFERENCES.get(field.name)
    if prefix is None or not isinstance(value, str):
        return value
    if not value.startswith(prefix):
        raise invalid_field(path, "BAD_NAME", f"{value[:100]!r} is not of the form {prefix}{{{prefix[:-2]}}}")
    return value.removeprefix(prefix)


def _counted(status: str) -> int | str:
    """A single status is a number in a configuration, a range is text."""
    return int(status) if status.isascii() and status.isdigit() and len(status) < 6 else status


def duration_text(value: Duration, path: str) -> str:
    """As it is written in a configuration. InvalidArgument when it is negative, too long, or finer than a millisecond."""
    us, rest = divmod(value.nanos, 1000)
    if value.seconds < 0 or not 0 <= value.nanos < 1_000_000_000 or value.seconds > _LONGEST_S or rest or us % 1000:
        raise invalid_field(path, "BAD_DURATION", "is not a duration in whole milliseconds from 0 to 100 years")
    return format_duration(timedelta(seconds=value.seconds, microseconds=us))


def instant_text(value: Timestamp, path: str) -> str:
    """ISO 8601, in UTC. InvalidArgument when it is no time."""
    if not (-62_135_596_800 <= value.seconds <= 253_402_300_799 and 0 <= value.nanos < 1_000_000_000):
        raise invalid_field(path, "BAD_TIME", "is not a time")
    return value.ToDatetime(UTC).isoformat().replace("+00:00", "Z")


def _more(message: Message, more: Struct, path: str) -> Data:
    """The other keys. What has a field of its own stands there, and nowhere else."""
    taken = {KEYS.get(message.DESCRIPTOR.full_name, {}).get(name, name) for name in message.DESCRIPTOR.fields_by_name}
    try:
        found: Data = _whole(MessageToDict(more))
    except (ValueError, JsonFormatError):
        raise invalid_field(f"{path}.{_MORE}", "BAD_VALUE", "has a number that is none") from None
    for key in found:
        if key in taken or key == "id":
            raise invalid_field(f"{path}.{_MORE}.{key[:100]}", "HAS_A_FIELD", "has a field of its own")
    return found


def _whole(value: Any) -> Any:
    """A struct has no integers: whole numbers become what they were."""
    match value:
        case dict():
            return {key: _whole(inner) for key, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case _:
            return value


def _merged(before: Data, wanted: Data) -> Data:
    """What is set replaces what was; a message's fields one by one."""
    for key, value in wanted.items():
        inner = before.get(key)
        before[key] = _merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return before


def _steps(descriptor: Any, path: str, where: str) -> list[str] | None:
    """The keys that a path of a mask leads along; None for what is output only. InvalidArgument when it leads nowhere."""
    steps: list[str] = []
    place = descriptor
    for number, name in enumerate(parts := path.split(".")):
        if place is None or not name:
            raise invalid_field(where, "BAD_PATH", f"{path[:100]!r} leads to no field")
        if place.full_name == Struct.DESCRIPTOR.full_name:
            return [*steps[:-1], *parts[number:]]
        field = place.fields_by_name.get(name)
        if field is None:
            raise invalid_field(where, "BAD_PATH", f"{path[:100]!r} leads to no field of {descriptor.name}")
        if name in OUTPUT_ONLY.get(place.full_name, frozenset()):
            return None
        steps.append(KEYS.get(place.full_name, {}).get(name, name))
        simple = field.is_repeated or field.message_type is None
        place = None if simple else field.message_type
    if steps[-1:] == [_MORE]:
        raise invalid_field(where, "BAD_PATH", "name the keys of more one by one, or all fields by *")
    return steps


def _copy(after: Data, wanted: Mapping[str, Any], steps: Iterable[str]) -> None:
    *way, last = steps
    for step in way:
        inner = after.setdefault(step, {})
        if not isinstance(inner, dict):
            inner = after[step] = {}
        after = inner
        wanted = wanted.get(step) or {}
    if last in wanted:
        after[last] = wanted[last]
    else:
        after.pop(last, None)


def _set(message: Message, field: Any, value: Any) -> None:
    if value is None:
        return
    place = getattr(message, field.name)
    if field.message_type is None:
        if field.is_repeated:
            place.extend(_worded(field, item) for item in value)
        else:
            setattr(
                message,
                field.name,
                REFERENCES.get(field.name, "") + value if isinstance(value, str) else _worded(field, value),
            )
    elif field.message_type.GetOptions().map_entry:
        place.update(value)
    elif field.is_repeated:
        for item in value:
            fill(place.add(), item)
    elif isinstance(place, Duration):
        place.FromTimedelta(parse_duration(value))
    elif isinstance(place, Timestamp):
        place.FromDatetime(datetime.fromisoformat(value))
    else:
        fill(place, value)
        place.SetInParent()


def _worded(field: Any, value: Any) -> Any:
    return str(value) if field.type == FieldDescriptor.TYPE_STRING else value
