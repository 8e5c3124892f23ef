"""An imported configuration as a YAML file that our own reader takes."""

from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Without aliases, which our reader refuses; lists stand in below their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def as_yaml(data: Mapping[str, Any], head: str = "") -> str:
    """Kinds in the order of `data`, below the comment lines of `head`."""
    comment = "".join(f"# {line}\n" for line in head.splitlines())
    body = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return comment + ("\n" if comment else "") + body
