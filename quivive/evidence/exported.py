"""The evidence log as files: JSON lines, which can be verified, and CSV for people."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TextIO
from uuid import UUID

from quivive.domain.times import to_datetime, to_us
from quivive.evidence.chain import Content, Entry
from quivive.v1.evidence_pb2 import EvidenceEntry

COLUMNS = (
    *("chain", "sequence", "seal_time", "kind", "site", "check", "incident", "time", "start_time", "end_time", "state"),
    *("cause", "responsibility", "detail", "author", "reason", "counted", "hash"),
)


class Unreadable(ValueError):
    """A line that is no entry; the text says which and why."""


def from_message(message: EvidenceEntry) -> Entry:
    """An entry as the api sends it."""
    return Entry(
        UUID(bytes=message.chain),
        message.sequence,
        message.seal_time.ToMicroseconds(),
        message.salt if message.HasField("salt") else None,
        json.loads(message.content) if message.HasField("content") else None,
        message.content_hash,
        message.hash,
    )


def write_lines(entries: Iterable[Entry], file: TextIO) -> None:
    """A JSON object a line."""
    for entry in entries:
        line = {
            "chain": str(entry.chain),
            "sequence": entry.sequence,
            "seal_time": _time_text(entry.seal_us),
            "salt": None if entry.salt is None else entry.salt.hex(),
            "content": entry.content,
            "content_hash": entry.content_hash.hex(),
            "hash": entry.hash.hex(),
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_lines(file: Iterable[str]) -> Iterator[Entry]:
    """The entries of such a file. Raises Unreadable."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            content = fields["content"]
            if content is not None and not isinstance(content, dict):
                raise TypeError("the content is not an object")
            yield Entry(
                UUID(fields["chain"]),
                int(fields["sequence"]),
                to_us(datetime.fromisoformat(fields["seal_time"])),
                None if fields["salt"] is None else bytes.fromhex(fields["salt"]),
                content,
                bytes.fromhex(fields["content_hash"]),
                bytes.fromhex(fields["hash"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"line {number} is no entry of an evidence log: {error}") from None


def write_csv(entries: Iterable[Entry], file: TextIO) -> None:
    """A row an entry, with a header; of an erased one only the hashes."""
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for entry in entries:
        place = {"chain": str(entry.chain), "sequence": entry.sequence, "seal_time": _time_text(entry.seal_us)}
        writer.writerow({**place, **_cells(entry.content or {}), "hash": entry.hash.hex()})


def _cells(content: Content) -> dict[str, object]:
    incident = content.get("incident")
    known = incident if isinstance(incident, dict) else {}
    correction = content.get("correction") or {}
    # An interval names its incident, an event holds it; an erasure and a correction have an author.
    merged = {**known, **content, **{name: value for name, value in correction.items() if value is not None}}
    merged["incident"] = known.get("name") or incident
    return {
        name: _harmless(value)
        for name, value in merged.items()
        if name in COLUMNS and value is not None and not isinstance(value, dict)
    }


def _harmless(value: object) -> object:
    """What sites answered ends up here: a spreadsheet must not take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _time_text(us: int) -> str:
    return to_datetime(us).isoformat(timespec="microseconds").replace("+00:00", "Z")
