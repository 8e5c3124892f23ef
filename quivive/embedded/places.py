"""Where `quivive up` keeps what must be the same at the next start: ports and passwords, beside the data."""

import json
import os
import random
import secrets
import socket
from pathlib import Path

from quivive.tokens import new_token

LOWEST_PORT = 10000
EPHEMERAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port that nobody listens on at this moment.

    Not one that the kernel may give to an outgoing connection: while our server is down, a client that tries to reach it
    could be given that very port and end up connected to itself.
    """
    lowest_ephemeral = int(EPHEMERAL_PORTS.read_text("ascii").split()[0])
    candidates = list(range(LOWEST_PORT, max(lowest_ephemeral, LOWEST_PORT + 1000)))
    random.shuffle(candidates)
    return next(port for port in candidates if is_free(port))


def is_free(port: int, bind: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now; a closed connection's remains do not count."""
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return False
        return True


def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def reachable(bind: str) -> str:
    """The address that a program on this machine uses for a server bound there."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104  translated, not bound


def host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Places:
    """The data directory, and what is kept in it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._chosen: dict[str, int] = {}

    def port(self, name: str) -> int:
        """The port of `name`: the one of the last start, another one if somebody else has taken it since."""
        if name not in self._chosen:
            kept = self._kept("ports.json")
            port = kept.get(name)
            if not isinstance(port, int) or not is_free(port):
                port = free_port()
                self._keep("ports.json", {**kept, name: port})
            self._chosen[name] = port
        return self._chosen[name]

    def chosen_port(self, name: str) -> int:
        """The port that whoever started us has chosen for `name`. KeyError when nobody has."""
        port = self._kept("ports.json")[name]
        assert isinstance(port, int)
        return port

    def secret(self, name: str) -> str:
        """A random password, made at the first call; readable by the owner only."""
        kept = self._kept("secrets.json")
        if name not in kept:
            kept[name] = secrets.token_urlsafe(24)
            self._keep("secrets.json", kept)
        return str(kept[name])

    @property
    def token_file(self) -> Path:
        """Holds the token of whoever owns this directory: an operator's. Made at the first start."""
        return self.root / "token"

    def token(self) -> str:
        """What the file holds."""
        if not self.token_file.exists():
            write_private(self.token_file, f"{new_token()}\n")
        return self.token_file.read_text("utf-8").strip()

    def _kept(self, file: str) -> dict[str, object]:
        try:
            kept: dict[str, object] = json.loads((self.root / file).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return kept

    def _keep(self, file: str, values: dict[str, object]) -> None:
        write_private(self.root / file, json.dumps(values, indent=1) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace the file as a whole; only its owner may read it."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    scratch.rename(path)
