"""Which server a command speaks to, and as whom.

1. `--server` or QUIVIVE_SERVER; else what the profile says (`--profile`, QUIVIVE_PROFILE, the default one); else this machine.
2. The token: QUIVIVE_TOKEN, or the file of QUIVIVE_TOKEN_FILE; else the profile's; else, for a server on this machine, the one that
   `quivive up` keeps in its data directory.

A profile's token goes to the profile's server only. No token travels unencrypted to another machine unless http:// asks for it.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from quivive.cli.failures import EXIT_USAGE, Failure
from quivive.cli.options import LOCAL_SERVER
from quivive.cli.profiles import Profile, load_profiles

DATA_DIRS = (".quivive", ".quivive/demo")
MAX_TOKEN_BYTES = 4096
NO_PROFILE = Profile()

_ADDRESS = re.compile(r"(?:(https?)://)?(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):(\d{1,5})/?")


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect and what to show."""

    address: str
    tls: bool = False
    profile: Profile = NO_PROFILE
    token: str | None = field(default=None, repr=False)


def chosen(server: str, environment: Mapping[str, str] = os.environ) -> Server:
    """The server that is meant by the option's value, which is empty when nothing was said. Failure says what is wrong."""
    profile = _profile(server, environment)
    scheme, address = parse_address(server or profile.server or LOCAL_SERVER)
    tls = scheme == "https" or (not scheme and profile.tls)
    token = _token(profile, address, environment)
    if token is not None and not (tls or scheme == "http" or is_local(address)):
        raise Failure(
            f"the token would travel unencrypted to {address}: write https://{address}, or http://{address} if it may",
            EXIT_USAGE,
        )
    return Server(address, tls, profile, token)


def is_local(address: str) -> bool:
    """Whether it is this machine."""
    host = address.rpartition(":")[0].strip("[]")
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _profile(server: str, environment: Mapping[str, str]) -> Profile:
    """The named one; else the default one, unless a server is named, which then is none of its business."""
    named = environment.get("QUIVIVE_PROFILE", "")
    if server and not named:
        return NO_PROFILE
    profiles = load_profiles()
    name = named or profiles.default
    if not name:
        return NO_PROFILE
    if name not in profiles.profiles:
        known = ", ".join(profiles.profiles) or "none"
        raise Failure(f"there is no profile {name}; there are: {known}", EXIT_USAGE)
    profile = profiles.profiles[name]
    if server and parse_address(server)[1] != parse_address(profile.server)[1]:
        raise Failure(f"--server {server} is not the server of profile {name}, {profile.server}: give one", EXIT_USAGE)
    return profile


def parse_address(text: str) -> tuple[str, str]:
    match = _ADDRESS.fullmatch(text)
    if not match or not 0 < int(match[3]) <= 65535:
        raise Failure(f"--server: {text!r} is not host:port or https://host:port", EXIT_USAGE)
    return match[1] or "", f"{match[2]}:{match[3]}"


def _token(profile: Profile, address: str, environment: Mapping[str, str]) -> str | None:
    if token := environment.get("QUIVIVE_TOKEN"):
        return _clean(token, "QUIVIVE_TOKEN")
    if file := environment.get("QUIVIVE_TOKEN_FILE"):
        return read_token(Path(file), "QUIVIVE_TOKEN_FILE")
    if profile.token_env:
        token = environment.get(profile.token_env)
        if not token:
            raise Failure(
                f"profile {profile.name} takes its token from {profile.token_env}, which is not set", EXIT_USAGE
            )
        return _clean(token, profile.token_env)
    if profile.token_file:
        return read_token(Path(profile.token_file).expanduser(), f"profile {profile.name}")
    return _local_token(environment) if is_local(address) else None


def _local_token(environment: Mapping[str, str]) -> str | None:
    """What `quivive up` wrote, of the data directory that is in use, else of the first that has one."""
    named = environment.get("QUIVIVE_DATA_DIR")
    files = [Path(folder) / "token" for folder in ((named,) if named else DATA_DIRS)]
    found = [file for file in files if file.is_file() and os.access(file, os.R_OK)]
    in_use = [file for file in found if _is_running(file.parent)]
    for file in in_use or found:
        with suppress(OSError):
            return _clean(file.read_text("utf-8"), str(file))
    return None


def _is_running(data_dir: Path) -> bool:
    """Whether a `quivive up` holds the directory."""
    import fcntl

    try:
        lock = os.open(data_dir / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def read_token(path: Path, whose: str) -> str:
    """The token in a file that nobody else may read. Failure otherwise; the token is in no message."""
    try:
        if path.stat().st_mode & 0o077:
            raise Failure(f"{whose}: others may read {path}: chmod 600 {path}", EXIT_USAGE)
        with path.open(encoding="utf-8") as file:
            return _clean(file.read(MAX_TOKEN_BYTES + 1), str(path))
    except OSError as error:
        raise Failure(f"{whose}: {path} cannot be read: {error.strerror}", EXIT_USAGE) from None
    except UnicodeDecodeError:
        raise Failure(f"{whose}: {path} holds no token", EXIT_USAGE) from None


def _clean(token: str, whose: str) -> str:
    token = token.strip()
    if not token or len(token) > MAX_TOKEN_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise Failure(f"{whose} holds no token", EXIT_USAGE)
    return token
