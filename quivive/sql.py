"""SQL lives in `.sql` files under named sections: `-- name: incident_open` starts one, the next name ends it."""

import re
from importlib.resources import files
from typing import LiteralString, cast

_SECTION = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)


def load(package: str, file: str) -> dict[str, LiteralString]:
    """The sections of a package's file. ValueError for a name used twice or text before the first name."""
    text = files(package).joinpath(file).read_text("utf-8")
    head, *parts = _SECTION.split(text)
    if any(line and not line.startswith("--") for line in head.splitlines()):
        raise ValueError(f"{package}/{file}: text before the first section")
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file}: a section name is used twice")
    # The text is ours, read from our own package: as literal as if it stood in the module.
    return {name: cast(LiteralString, body.strip()) for name, body in zip(names, bodies, strict=True)}
