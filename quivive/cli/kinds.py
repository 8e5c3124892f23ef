"""Kinds of declarations as people name them."""

from quivive.cli.failures import EXIT_USAGE, Failure

_SINGULAR = {"people": "person", "escalation_policies": "escalation_policy"}


def singular(kind: str) -> str:
    """`site` of `sites`."""
    return _SINGULAR.get(kind, kind.removesuffix("s"))


def parse_kind(text: str) -> str:
    """`sites` of `site`, `sites` or `Sites`. Failure for what is none."""
    from quivive.configuration.validate import KINDS, suggestion

    for kind in KINDS:
        if text.lower().replace("-", "_") in (kind, singular(kind)):
            return kind
    raise Failure(f"there is no kind {text!r}{suggestion(text, list(KINDS))}; there are {', '.join(KINDS)}", EXIT_USAGE)
