"""The chain of hashes: what an entry's hash covers, and whether entries are a chain. No I/O and no clock.

    content hash = SHA-256(salt ‖ content)
    hash         = SHA-256("quivive.evidence.v1" ‖ chain ‖ sequence ‖ seal time ‖ hash of the entry before ‖ content hash)

The chain's id has 16 bytes; sequence and seal time (µs since the Unix epoch) are 8 bytes each, big-endian; before the first entry
stand 32 zero bytes. The salt keeps content from being guessed by its hash once an erasure has removed both.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

DOMAIN = b"quivive.evidence.v1"
NOTHING = bytes(32)
"""Stands where the first entry has nobody before it."""

Content = Mapping[str, Any]
"""Strings, whole numbers, booleans, null, and lists and objects of them: what every JSON library reads and writes alike."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Salt and content are None once they have been erased."""

    chain: UUID
    sequence: int
    seal_us: int
    salt: bytes | None
    content: Content | None
    content_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a chain; sequence 0 before the first. Whoever keeps one can tell whether the chain was rewritten."""

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` makes of one. ValueError for anything else."""
        sequence, _, digest = text.partition(":")
        return cls(int(sequence), bytes.fromhex(digest))


EMPTY = Head(0, NOTHING)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found to be a chain."""

    chain: UUID
    head: Head
    erased: int
    """Entries without content."""


class Broken(Exception):
    """Entries that are no chain; the text says where and why."""


def canonical(content: Content) -> str:
    """The one text of a content: sorted keys, no white space, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal(chain: UUID, head: Head, content: Content, salt: bytes, seal_us: int) -> Entry:
    """The entry after `head`. The salt is 16 random bytes."""
    content_hash = hash_content(salt, content)
    sequence = head.sequence + 1
    digest = _hash_entry(chain, sequence, seal_us, head.hash, content_hash)
    return Entry(chain, sequence, seal_us, salt, content, content_hash, digest)


def verify(entries: Iterable[Entry], known: Iterable[Head] = ()) -> list[Verified]:
    """Check whole chains, each from its first entry on, and that the known heads are in them. Raises Broken.

    Entries of a chain come in order; those of several chains may be mixed. An export may hold more than one: an erased customer's
    chain says no longer whose it was.
    """
    heads: dict[UUID, Head] = {}
    erased: dict[UUID, int] = {}
    missing = set(known)
    for entry in entries:
        head = heads.get(entry.chain, EMPTY)
        _verify_next(head, entry)
        heads[entry.chain] = Head(entry.sequence, entry.hash)
        missing.discard(heads[entry.chain])
        erased[entry.chain] = erased.get(entry.chain, 0) + (entry.content is None)
    if missing:
        raise Broken(f"the head {min(map(str, missing))} is in no chain: entries were rewritten or removed")
    return [Verified(chain, head, erased[chain]) for chain, head in heads.items()]


def hash_content(salt: bytes, content: Content) -> bytes:
    return hashlib.sha256(salt + canonical(content).encode("utf-8")).digest()


def _verify_next(head: Head, entry: Entry) -> None:
    where = f"chain {entry.chain}, entry {entry.sequence}"
    if entry.sequence != head.sequence + 1:
        raise Broken(f"{where}: entry {head.sequence + 1} is missing")
    if (entry.content is None) != (entry.salt is None):
        raise Broken(f"{where}: salt and content belong together")
    if (
        entry.content is not None
        and entry.salt is not None
        and hash_content(entry.salt, entry.content) != entry.content_hash
    ):
        raise Broken(f"{where}: its content was changed")
    if _hash_entry(entry.chain, entry.sequence, entry.seal_us, head.hash, entry.content_hash) != entry.hash:
        raise Broken(f"{where}: it does not continue the entry before it")


def _hash_entry(chain: UUID, sequence: int, seal_us: int, before: bytes, content_hash: bytes) -> bytes:
    numbers = sequence.to_bytes(8, "big") + seal_us.to_bytes(8, "big", signed=True)
    return hashlib.sha256(DOMAIN + chain.bytes + numbers + before + content_hash).digest()
