"""Write docs/api.md's reference from the comments of the protos; with --check, fail when it is stale.

1. Compile the protos into a descriptor set that keeps its source info.
2. Every service becomes a section with its calls, every message and enum a table of its fields; `bus.proto`, which travels between
   our own processes, is left out.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api.md"
PACKAGE = ".quivive.v1."
INTERNAL = ("quivive/v1/bus.proto",)
MARKED = re.compile(r"(<!-- reference: from the protos -->\n).*?(<!-- end -->)", re.DOTALL)

# Numbers of fields in descriptor.proto, of which paths in the source info are made.
MESSAGE, ENUM, SERVICE = 4, 5, 6
FIELD, NESTED, NESTED_ENUM, VALUE, METHOD = 2, 3, 4, 2, 2

Path_ = tuple[int, ...]


@dataclass
class Contract:
    """What the protos declare, by full name without the package, and what their comments say."""

    services: list[tuple[ServiceDescriptorProto, Path_, Mapping[Path_, str]]] = field(default_factory=list)
    messages: dict[str, tuple[DescriptorProto, Path_, Mapping[Path_, str]]] = field(default_factory=dict)
    enums: dict[str, tuple[EnumDescriptorProto, Path_, Mapping[Path_, str]]] = field(default_factory=dict)


def read_contract() -> Contract:
    """Step 1: everything that is declared outside of INTERNAL."""
    contract = Contract()
    for file in _compiled().file:
        if file.package != PACKAGE.strip(".") or file.name in INTERNAL:
            continue
        comments = _comments(file)
        for number, service in enumerate(file.service):
            contract.services.append((service, (SERVICE, number), comments))
        for number, message in enumerate(file.message_type):
            _collect(contract, message, "", (MESSAGE, number), comments)
        for number, enum in enumerate(file.enum_type):
            contract.enums[enum.name] = (enum, (ENUM, number), comments)
    contract.services.sort(key=lambda item: item[0].name)
    return contract


def _compiled() -> FileDescriptorSet:
    sources = sorted(path.relative_to(ROOT / "proto").as_posix() for path in (ROOT / "proto").rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "set"
        arguments = [
            *("protoc", f"-I{ROOT / 'proto'}", f"-I{files('grpc_tools') / '_proto'}"),
            *("--include_source_info", f"--descriptor_set_out={out}", *sources),
        ]
        if protoc.main(arguments) != 0:
            raise SystemExit(1)
        return FileDescriptorSet.FromString(out.read_bytes())


def _comments(file: FileDescriptorProto) -> dict[Path_, str]:
    return {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
        if place.leading_comments
    }


def _collect(
    contract: Contract, message: DescriptorProto, outer: str, path: Path_, comments: Mapping[Path_, str]
) -> None:
    name = f"{outer}{message.name}"
    contract.messages[name] = (message, path, comments)
    for number, nested in enumerate(message.nested_type):
        _collect(contract, nested, f"{name}.", (*path, NESTED, number), comments)
    for number, enum in enumerate(message.enum_type):
        contract.enums[f"{name}.{enum.name}"] = (enum, (*path, NESTED_ENUM, number), comments)


def reference(contract: Contract) -> Iterator[str]:
    """Step 2, line by line."""
    for service, path, comments in contract.services:
        yield f"### {service.name}"
        yield ""
        yield comments.get(path, "")
        yield ""
        yield "| call | takes | answers | |"
        yield "| --- | --- | --- | --- |"
        for number, method in enumerate(service.method):
            takes, answers = (_link(kind, contract) for kind in (method.input_type, method.output_type))
            stream = "stream of " if method.server_streaming else ""
            yield f"| `{method.name}` | {takes} | {stream}{answers} | {_cell(comments.get((*path, METHOD, number), ''))} |"
        yield ""
    yield "### Messages"
    yield ""
    for name, (message, path, comments) in sorted(contract.messages.items()):
        if not message.options.map_entry and message.field:
            yield from _message(name, message, path, comments, contract)
    yield "### Enums"
    yield ""
    for name, (enum, path, comments) in sorted(contract.enums.items()):
        yield f"#### {name}"
        yield ""
        if comments.get(path):
            yield comments[path]
            yield ""
        yield "| value | | |"
        yield "| --- | --- | --- |"
        for number, value in enumerate(enum.value):
            yield f"| {value.number} | `{value.name}` | {_cell(comments.get((*path, VALUE, number), ''))} |"
        yield ""


def _message(
    name: str, message: DescriptorProto, path: Path_, comments: Mapping[Path_, str], contract: Contract
) -> Iterator[str]:
    yield f"#### {name}"
    yield ""
    if comments.get(path):
        yield comments[path]
        yield ""
    yield "| field | type | |"
    yield "| --- | --- | --- |"
    for number, item in enumerate(message.field):
        yield f"| `{item.name}` | {_type(item, contract)} | {_cell(comments.get((*path, FIELD, number), ''))} |"
    yield ""


def _type(item: FieldDescriptorProto, contract: Contract) -> str:
    if item.type in (item.TYPE_MESSAGE, item.TYPE_ENUM):
        entry = contract.messages.get(item.type_name.removeprefix(PACKAGE))
        if entry is not None and entry[0].options.map_entry:
            key, value = entry[0].field
            return f"map of {_scalar(key)} to {_type(value, contract)}"
        kind = _link(item.type_name, contract)
    else:
        kind = _scalar(item)
    if item.label == item.LABEL_REPEATED:
        return f"repeated {kind}"
    return f"optional {kind}" if item.proto3_optional else kind


def _scalar(item: FieldDescriptorProto) -> str:
    return FieldDescriptorProto.Type.Name(item.type).removeprefix("TYPE_").lower()


def _link(type_name: str, contract: Contract) -> str:
    name = type_name.removeprefix(PACKAGE)
    if name in contract.enums or (name in contract.messages and contract.messages[name][0].field):
        return f"[{name}](#{name.lower().replace('.', '')})"
    return name.removeprefix(".google.protobuf.")


def _cell(comment: str) -> str:
    return comment.replace("|", "\\|")


def undocumented(contract: Contract) -> Sequence[str]:
    """Calls and services without a comment."""
    return [
        f"{service.name}.{method.name}"
        for service, path, comments in contract.services
        for number, method in enumerate(service.method)
        if not comments.get((*path, METHOD, number))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    contract = read_contract()
    if missing := undocumented(contract):
        sys.exit(f"calls without a comment: {', '.join(missing)}")
    page = PAGE.read_text("utf-8")
    body = "\n".join(reference(contract))
    fresh, places = MARKED.subn(lambda match: f"{match[1]}\n{body}\n{match[2]}", page)
    if places != 1:
        sys.exit(f"{PAGE.name} has {places} places for the reference, not one")
    if not check:
        PAGE.write_text(fresh, "utf-8")
    elif fresh != page:
        sys.exit("docs/api.md is stale, run `make docs`")


if __name__ == "__main__":
    main()
