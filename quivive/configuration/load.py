"""Reads a file, or a folder of them, into one configuration; refuses with file, line and reason.

1. Read each file up to its limit, as UTF-8; 2. build plain data from it; 3. put the kinds of all files one behind
the other; 4. validate the whole; 5. report every problem at its place, in the order of the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quivive.configuration.documents import Document, read
from quivive.configuration.model import Configuration
from quivive.configuration.problems import ConfigurationError, Problem, ValuePath, format_path, parse_path
from quivive.configuration.validate import KINDS, unknown_key, validate
from quivive.configuration.wire import MAX_JSON_BYTES, canonical_json

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 1000

Places = Mapping[ValuePath, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where each of its values was written."""

    configuration: Configuration
    places: Places

    def problem_at(self, field: str, message: str) -> Problem:
        """A server's objection to `field`, a path such as `sites[3].customer`, at the place in the files."""
        path = parse_path(field)
        place = _nearest(path, self.places)
        return Problem(path, message, *place) if place else Problem(path, message)


def load(path: Path) -> Loaded:
    """Read `path`, a file or a folder of `*.yaml` and `*.yml`. ConfigurationError with every problem."""
    problems: list[Problem] = []
    data: dict[str, Any] = {}
    places: dict[ValuePath, tuple[str, int]] = {}
    documents = [read(text, str(file)) for file in _files(path) if (text := _text(file, problems)) is not None]
    for document in documents:
        problems += _merge(document, data, places)
    if not problems and not data:
        raise ConfigurationError([Problem((), "declares nothing", str(path))])
    in_doubt = {problem.path for problem in problems if len(problem.path) > 1}
    try:
        configuration = validate(data, lambda path: _place_text(path, places))
    except ConfigurationError as error:
        for problem in error.problems:
            if not any(problem.path[: len(doubt)] == doubt for doubt in in_doubt):
                problems.append(Problem(problem.path, problem.message, *(_nearest(problem.path, places) or ())))
    if problems:
        order = {document.file: number for number, document in enumerate(documents)}
        problems.sort(key=lambda problem: (order.get(problem.file or "", -1), problem.line or 0))
        raise ConfigurationError(problems)
    if len(canonical_json(configuration).encode()) > MAX_JSON_BYTES:
        raise ConfigurationError(
            [Problem((), f"is larger than {MAX_JSON_BYTES // 1024 // 1024} MiB in all", str(path))]
        )
    return Loaded(configuration, places)


def _files(path: Path) -> list[Path]:
    try:
        if path.is_file():
            return [path]
        if not path.is_dir():
            reason = "is not a file or a folder" if path.exists() else "does not exist"
            raise ConfigurationError([Problem((), reason, str(path))])
        files = sorted(
            file
            for file in path.iterdir()
            if file.suffix in (".yaml", ".yml") and not file.name.startswith(".") and file.is_file()
        )
    except OSError as error:
        raise ConfigurationError([Problem((), f"cannot be read: {error.strerror}", str(path))]) from None
    if not files:
        raise ConfigurationError([Problem((), "has no file named *.yaml or *.yml", str(path))])
    if len(files) > MAX_FILES:
        raise ConfigurationError([Problem((), f"has more than {MAX_FILES} files", str(path))])
    return files


def _text(file: Path, problems: list[Problem]) -> str | None:
    """The file's text, or None and a problem; never reads more than the limit."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problems.append(Problem((), f"cannot be read: {error.strerror}", str(file)))
        return None
    if len(content) > MAX_FILE_BYTES:
        problems.append(Problem((), "is larger than 1 MiB: split it into several files of one folder", str(file)))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem((), "is not UTF-8 text", str(file), line))
        return None


def _merge(document: Document, data: dict[str, Any], places: dict[ValuePath, tuple[str, int]]) -> list[Problem]:
    """Append the document's items to `data`; its lines and problems get the paths where the items now stand."""
    content = {} if document.data is None else document.data
    if not isinstance(content, dict):
        document.refuse((), document.lines.get((), 1), f"must be a mapping with the keys {', '.join(KINDS)}")
        content = {}
    offsets: dict[str, int] = {}
    for kind, items in content.items():
        if kind not in KINDS:
            document.refuse((kind,), document.lines[(kind,)], unknown_key(kind, list(KINDS)))
        elif items is None or isinstance(items, list):
            offsets[kind] = len(data.setdefault(kind, []))
            data[kind] += items or []
        elif (kind,) not in {problem.path for problem in document.problems}:
            document.refuse((kind,), document.lines[(kind,)], "must be a list: start each item with a hyphen")
    for path, line in document.lines.items():
        places.setdefault(_shifted(path, offsets), (document.file, line))
    return [replace(problem, path=_shifted(problem.path, offsets)) for problem in document.problems]


def _shifted(path: ValuePath, offsets: Mapping[str, int]) -> ValuePath:
    match path:
        case (str(kind), int(index), *rest) if kind in offsets:
            return (kind, index + offsets[kind], *rest)
        case _:
            return path


def _nearest(path: ValuePath, places: Places) -> tuple[str, int] | None:
    """Where the value stands, or the innermost that holds it: what is missing has no place of its own."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return None


def _place_text(path: ValuePath, places: Places) -> str:
    place = _nearest(path, places)
    return f"{place[0]}:{place[1]}" if place else format_path(path)
