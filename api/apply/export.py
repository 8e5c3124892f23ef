"""What is declared, as a configuration that would declare it."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from api.apply.declared import Declared
from api.errors import NotFound, invalid_field
from quivive.configuration import Configuration, canonical_json

KINDS = tuple(field.name for field in fields(Declared))


def exported(declared: Declared, kinds: Sequence[str], ids: Sequence[str]) -> str:
    """Canonical JSON of these kinds, of all without any; by id. InvalidArgument or NotFound for what there is not."""
    for number, kind in enumerate(kinds):
        if kind not in KINDS:
            raise invalid_field(f"kinds[{number}]", "UNKNOWN_KIND", f"there is no kind {kind[:50]!r}")
    if ids and len(kinds) != 1:
        raise invalid_field("ids", "KIND_REQUIRED", "need a single kind")
    for id_ in ids:
        if id_ not in getattr(declared, kinds[0]):
            raise NotFound("NOT_DECLARED", f"there is none of the {kinds[0]} named {id_[:100]}")
    values: dict[str, Any] = {
        kind: tuple(item for id_, item in sorted(getattr(declared, kind).items()) if not ids or id_ in ids)
        for kind in (kinds or KINDS)
    }
    return canonical_json(Configuration.model_construct(None, **values))
