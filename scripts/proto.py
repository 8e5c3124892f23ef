"""Generate the stubs in quivive/v1 from proto/; with --check, fail when they are stale or the contract was broken."""

import argparse
import filecmp
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "quivive" / "v1"
DESCRIPTORS = "descriptors.binpb"
BASELINE = ROOT / "proto" / "baseline.binpb"
"""What was promised: `buf breaking` compares with it. Renewed by a release, never to silence the check."""


def generate(out: Path) -> None:
    sources = sorted(path.relative_to(ROOT / "proto").as_posix() for path in (ROOT / "proto").rglob("*.proto"))
    well_known = files("grpc_tools") / "_proto"
    plugins = [
        f"--plugin=protoc-gen-{name}={Path(sys.executable).parent / f'protoc-gen-{name}'}"
        for name in ("mypy", "mypy_grpc")
    ]
    arguments = ["protoc", f"-I{ROOT / 'proto'}", f"-I{well_known}", *plugins]
    messages = [f"--python_out={out}", f"--mypy_out={out}"]
    services = [f"--grpc_python_out={out}", f"--mypy_grpc_out={out}"]
    with_service = [name for name in sources if "\nservice " in (ROOT / "proto" / name).read_text("utf-8")]
    # For clients in other languages, who need no sources then: every message and service, with what they import.
    descriptors = ["--include_imports", f"--descriptor_set_out={out / 'quivive' / 'v1' / DESCRIPTORS}"]
    for options, names in ((messages, sources), (services, with_service), (descriptors, sources)):
        if protoc.main([*arguments, *options, *names]) != 0:
            raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh = Path(scratch) / "quivive" / "v1"
        names = {path.name for path in fresh.iterdir()}
        committed = {path.name for path in STUBS.iterdir() if "_pb2" in path.name or path.name == DESCRIPTORS}
        if not check:
            for name in committed - names:
                (STUBS / name).unlink()
            for name in names:
                (STUBS / name).write_bytes((fresh / name).read_bytes())
            return
        _, differing, missing = filecmp.cmpfiles(fresh, STUBS, names, shallow=False)
        stale = sorted({*differing, *missing, *(committed - names)})
        if stale:
            sys.exit(f"stale stubs, run `make proto`: {', '.join(stale)}")
    subprocess.run([Path(sys.executable).parent / "buf", "breaking", "--against", BASELINE], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
