"""Several servers, each under a name: `~/.config/quivive/profiles.toml`. Tokens are not in it, only where to read them."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from quivive.cli.failures import EXIT_USAGE, Failure

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Profile:
    """One server. Without a token source none is shown, but for a server on this machine."""

    name: str = ""
    server: str = ""
    tls: bool = False
    ca: str = ""
    """File of the authority that the server's certificate is verified against; empty: the system's."""
    certificate: str = ""
    """Ours, for servers that ask for one; with `key`."""
    key: str = ""
    token_env: str = ""
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class Profiles:
    default: str = ""
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def path() -> Path:
    """Where profiles are kept."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "quivive" / "profiles.toml"


def load_profiles() -> Profiles:
    """None without a file. Failure when it is wrong, with the place."""
    file = path()
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Profiles()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Failure(f"{file}: {error}", EXIT_USAGE) from None
    tables = data.pop("profiles", {})
    default = data.pop("default", "")
    if data or not isinstance(tables, dict) or not isinstance(default, str):
        raise Failure(f"{file}: there are `default` and the tables `profiles.NAME`, nothing else", EXIT_USAGE)
    return Profiles(default, {name: _profile(file, name, table) for name, table in tables.items()})


def _profile(file: Path, name: str, table: object) -> Profile:
    known = {item.name: item.type for item in fields(Profile) if item.name != "name"}
    if not isinstance(table, dict):
        raise Failure(f"{file}: profiles.{name} is not a table", EXIT_USAGE)
    for key, value in table.items():
        if key not in known:
            raise Failure(f"{file}: profiles.{name}.{key}: unknown key; there are {', '.join(known)}", EXIT_USAGE)
        if type(value) is not (bool if key == "tls" else str):
            raise Failure(f"{file}: profiles.{name}.{key} has the wrong type", EXIT_USAGE)
    return Profile(name=name, **table)


def save(profiles: Profiles) -> None:
    """Replace the file as a whole; only its owner may read it."""
    file = path()
    lines = [f"default = {_quoted(profiles.default)}\n"] if profiles.default else []
    for name, profile in profiles.profiles.items():
        lines.append(f"\n[profiles.{_quoted(name)}]\n")
        for key, value in asdict(profile).items():
            if key != "name" and value:
                lines.append(f"{key} = {'true' if value is True else _quoted(value)}\n")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = file.with_name(f".{file.name}.new")
        scratch.unlink(missing_ok=True)
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write("".join(lines).lstrip("\n"))
        scratch.rename(file)
    except OSError as error:
        raise Failure(f"{file}: cannot be written: {error.strerror}", EXIT_USAGE) from None


def check_profile_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Failure(f"{name!r} is not a profile's name: letters, digits, dots, hyphens, underscores", EXIT_USAGE)
    return name


def _quoted(text: str) -> str:
    """A basic string of TOML, of which JSON's is one, but for a character that JSON leaves bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
