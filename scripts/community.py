"""Lay down TimescaleDB's Community edition, as WebAssembly, in .cache/community, for the tests. Needs node and npm."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "community"
FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "community"
COMPLETE = FOLDER / ".complete"
OLDEST_NODE = 18


def main() -> None:
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))).hexdigest()
    if COMPLETE.exists() and COMPLETE.read_text("ascii") == wanted:
        return
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: apt-get install nodejs npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        sys.exit(f"node {version} is too old: {OLDEST_NODE} or newer is needed")
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(SOURCE, FOLDER)
    # What comes must be what the lock file's hashes say.
    made = subprocess.run(
        ["npm", "ci"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if made.returncode != 0:
        sys.exit(f"npm ci failed:\n{made.stdout[-4000:]}")
    COMPLETE.write_text(wanted, "ascii")


if __name__ == "__main__":
    main()
