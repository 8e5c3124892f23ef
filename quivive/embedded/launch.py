"""Becomes another program that cannot outlive the one that started it. Run by path; imports only the standard library.

    python -I -S launch.py --parent PID --orphan-signal N [--lock FILE] [--namespace | --user NAME] -- COMMAND...

1. Wait for the lock, and keep it: the program and all its children hold it until the last of them is gone.
2. Give root's identity up where the program refuses it: in a user namespace, where files stay ours, or as another user.
3. Ask the kernel for a signal when the parent dies. Last, because a change of identity forgets the request.
4. Become the program: same process id.
"""

import argparse
import ctypes
import fcntl
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
UNPRIVILEGED_ID = 1000
"""Who the program is inside its user namespace: anyone but root."""
EXIT_REFUSED = 126


def enter_namespace() -> None:
    """Be an ordinary user to the program and ourselves to the file system. OSError where the kernel forbids it."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are forbidden here")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{UNPRIVILEGED_ID} {uid} 1"),
        ("gid_map", f"{UNPRIVILEGED_ID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def die_with(parent: int, signal: int) -> None:
    """Have the kernel send us `signal` when the parent dies; at once if it already has."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--orphan-signal", type=int, required=True)
    parser.add_argument("--lock")
    parser.add_argument("--namespace", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    # Before the wait for the lock too, which may be long.
    die_with(arguments.parent, arguments.orphan_signal)
    try:
        if arguments.lock:
            lock = os.open(arguments.lock, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.set_inheritable(lock, True)
        if arguments.namespace:
            enter_namespace()
        elif arguments.user:
            become(arguments.user)
        die_with(arguments.parent, arguments.orphan_signal)
        os.execv(arguments.command[0], arguments.command)  # noqa: S606  the command is our parent's
    except (OSError, KeyError) as error:
        print(f"{arguments.command[0]}: {error}", file=sys.stderr)
        raise SystemExit(EXIT_REFUSED) from None


if __name__ == "__main__":
    main()
