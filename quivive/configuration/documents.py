"""One YAML file as plain data that remembers its lines.

Built from the parser's events, not by a loader, so that nothing is expanded or constructed before it is judged.
Aliases, tags, repeated keys and further documents are refused, nesting has a limit, and each value keeps the line it stands on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.resolver import Resolver

from quivive.configuration.problems import Problem, ValuePath

MAX_DEPTH = 20

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


@dataclass(slots=True)
class Document:
    """What a file says; `data` is None for an empty one. Paths with a problem have no dependable data."""

    file: str
    data: Any = None
    lines: dict[ValuePath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: ValuePath, line: int, message: str) -> None:
        self.problems.append(Problem(path, message, self.file, line))


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been met."""

    path: ValuePath
    value: dict[str, Any] | list[Any]
    key: str | None = None
    key_line: int = 0
    """A mapping's next value belongs to this key."""
    ignored: bool = False
    """Its key was refused: read past, not kept."""


class _GaveUp(Exception):
    """The rest of the file is not worth reading; the problem has been noted."""


def read(text: str, file: str) -> Document:
    """Read one document. What is wrong is in `.problems`, nothing is raised."""
    document = Document(file)
    try:
        _build(yaml.parse(text, Loader=_Loader), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        document.refuse((), mark.line + 1 if mark else 1, f"is not YAML: {what}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, text.find(chr(error.character))) + 1 if isinstance(error.character, int) else 1
        document.refuse((), line, f"is not YAML: {error.reason}")
    except _GaveUp:
        pass
    return document


def _build(events: Iterator[yaml.Event], document: Document) -> None:
    stack: list[_Open] = []
    documents = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    document.refuse((), line, "a second document starts here: use one file for each")
                    raise _GaveUp
            case yaml.AliasEvent():
                path = _path_of_next(stack, line, document)
                document.refuse(
                    path, line, f"refers to &{event.anchor}: aliases are refused, for a few can expand to anything"
                )
                _put(stack, None, document)
            case yaml.ScalarEvent():
                _scalar(event, line, stack, document)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                path = _path_of_next(stack, line, document)
                if len(stack) >= MAX_DEPTH:
                    document.refuse(path, line, f"is nested more than {MAX_DEPTH} levels deep")
                    raise _GaveUp
                _refuse_tag(event.tag, path, line, document)
                value: dict[str, Any] | list[Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                stack.append(_Open(path, value, ignored=_is_ignored(stack)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                _put(stack, stack.pop().value, document)


def _scalar(event: yaml.ScalarEvent, line: int, stack: list[_Open], document: Document) -> None:
    top = stack[-1] if stack else None
    if top is not None and isinstance(top.value, dict) and top.key is None:
        _key(event, line, top, document)
        return
    path = _path_of_next(stack, line, document)
    _refuse_tag(event.tag, path, line, document)
    try:
        value = _plain_value(event)
    except (ValueError, ConstructorError):
        document.refuse(path, line, "is not a number that can be read")
        value = None
    _put(stack, value, document)


def _key(event: yaml.ScalarEvent, line: int, top: _Open, document: Document) -> None:
    assert isinstance(top.value, dict)
    key = event.value
    top.key, top.key_line = key, line
    if not isinstance(_plain_value(event), str):
        document.refuse((*top.path, key), line, "is not text: put this key in quotes")
    if key in top.value:
        first = document.lines[(*top.path, key)]
        document.refuse((*top.path, key), line, f"duplicate key, already given in line {first}")


def _path_of_next(stack: list[_Open], line: int, document: Document) -> ValuePath:
    """Where the value that begins now belongs; notes its line. A mapping's value counts from its key's line."""
    if not stack:
        path: ValuePath = ()
    else:
        top = stack[-1]
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
        else:
            if top.key is None:
                document.refuse(top.path, line, "a key must be text")
                raise _GaveUp
            path, line = (*top.path, top.key), top.key_line
    if not _is_ignored(stack):
        document.lines.setdefault(path, line)
    return path


def _is_ignored(stack: list[_Open]) -> bool:
    """Whether the next value belongs to a repeated key, or to something below one."""
    if not stack:
        return False
    top = stack[-1]
    return top.ignored or (isinstance(top.value, dict) and top.key in top.value)


def _put(stack: list[_Open], value: Any, document: Document) -> None:
    if not stack:
        document.data = value
        return
    top = stack[-1]
    if isinstance(top.value, list):
        top.value.append(value)
    elif top.key is not None:
        top.value.setdefault(top.key, value)
        top.key = None


def _refuse_tag(tag: str | None, path: ValuePath, line: int, document: Document) -> None:
    if tag is not None and tag != "!":
        document.refuse(path, line, f"has the tag {tag}: tags are refused")


_resolver = Resolver()
_constructor = SafeConstructor()


def _plain_value(event: yaml.ScalarEvent) -> Any:
    """Text, number, truth value or None as YAML 1.1 has it; times stay text. ValueError for numbers beyond reading."""
    if not event.implicit[0] or event.tag is not None:
        return event.value
    tag: str = _resolver.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind not in ("null", "bool", "int", "float"):
        return event.value
    return _constructor.construct_object(yaml.ScalarNode(tag, event.value))
