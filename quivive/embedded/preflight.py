"""What has to be right before anything is started; everything wrong is one clear line and exit code 2."""

import fcntl
import os
import pwd
import time
from pathlib import Path

from quivive.embedded.places import is_free
from quivive.embedded.supervise import Failed
from quivive.settings import EXIT_USAGE

LEFTOVERS_WITHIN_S = 15.0


def claim(data_dir: Path) -> int:
    """Make the directory ours for as long as the returned lock file is open. Raises Failed when somebody else owns or uses it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        owner = data_dir.stat().st_uid
        if owner != os.geteuid():
            raise Failed(
                f"{data_dir} belongs to {_user(owner)}, not to {_user(os.geteuid())}: give another --data-dir",
                EXIT_USAGE,
            )
        # The database may run as another user, who has to get in; every file in it says for itself who may read.
        data_dir.chmod(0o711)
        lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Failed(f"{data_dir} cannot be used: {error.strerror}; give another --data-dir", EXIT_USAGE) from None
    if not _locked(lock, within_s=0.0):
        holder = os.pread(lock, 20, 0).decode("ascii").strip()
        os.close(lock)
        raise Failed(
            f"{data_dir} is in use by another quivive up (process {holder}): stop it, or give another --data-dir",
            EXIT_USAGE,
        )
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
    _outwait_leftovers(data_dir)
    return lock


def _outwait_leftovers(data_dir: Path) -> None:
    """Broker and database of a run that was killed end by themselves, but need a moment."""
    for name in ("nats.lock", "postgres.lock"):
        try:
            lock = os.open(data_dir / name, os.O_RDWR)
        except FileNotFoundError:
            continue
        free = _locked(lock, within_s=LEFTOVERS_WITHIN_S)
        os.close(lock)
        if not free:
            raise Failed(f"{data_dir / name} is still held by processes of an earlier run: end them", EXIT_USAGE)


def _locked(lock: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


def check_port(bind: str, port: int, flag: str) -> None:
    """Raises Failed when somebody already listens there."""
    if not is_free(port, bind):
        raise Failed(f"port {port} on {bind} is busy: stop what uses it, or give another {flag}", EXIT_USAGE)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
