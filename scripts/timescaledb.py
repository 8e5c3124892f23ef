"""Lay down a Debian with PostgreSQL and TimescaleDB in .cache/timescaledb, for the tests. Needs root and debootstrap."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "timescaledb"
COMPLETE = FOLDER / ".complete"
SUITE = "trixie"
PACKAGES = ("postgresql-17", "postgresql-17-timescaledb")


def main() -> None:
    if COMPLETE.exists():
        return
    if os.geteuid() != 0:
        sys.exit("debootstrap needs root: run `sudo make timescaledb`, or name a server in QUIVIVE_TEST_DATABASE_URL")
    if shutil.which("debootstrap") is None:
        sys.exit("debootstrap is missing: apt-get install debootstrap")
    # An interrupted one cannot be continued.
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(FOLDER)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        sys.exit(f"debootstrap failed:\n{made.stdout[-4000:]}")
    # Its package lists and archives are of no use here.
    for useless in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(FOLDER / useless, ignore_errors=True)
    COMPLETE.touch()


if __name__ == "__main__":
    main()
