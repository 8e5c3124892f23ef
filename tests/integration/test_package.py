"""What the wheel brings along: stubs that import, the descriptor set, the examples' needs."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

PARTS = ("quivive", "probe_agent", "aggregator", "api", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the tree."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / part, source / part)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(source),
    ]
    subprocess.run(command, check=True, timeout=200)
    (made,) = out.glob("*.whl")
    return made


def test_every_stub_imports_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
    stubs = sorted(
        name.removesuffix(".py") for name in names if name.startswith("quivive/v1/") and name.endswith("_pb2.py")
    )
    assert "quivive/v1/site_pb2" in stubs
    assert all(f"{stub}.pyi" in names for stub in stubs), "types, too"
    lines = [f"import sys; sys.path.insert(0, {str(wheel)!r})"]
    lines += [f"import {stub.replace('/', '.')}" for stub in stubs]
    lines += ["import quivive.v1.site_pb2_grpc as last; print(last.__file__)"]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith(str(wheel))


def test_the_descriptor_set_is_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        descriptors = FileDescriptorSet.FromString(files.read("quivive/v1/descriptors.binpb"))
    found = {file.name for file in descriptors.file}
    assert {"quivive/v1/site.proto", "google/protobuf/timestamp.proto"} <= found
    assert all(set(file.dependency) <= found for file in descriptors.file)
    ours = [file for file in descriptors.file if file.package == "quivive.v1"]
    assert all(file.options.go_package and file.options.java_package for file in ours), "a package for other languages"


def test_what_is_no_python_is_in_the_wheel(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
    for part in ("quivive", "api", "aggregator", "probe_agent"):
        for file in (root / part).rglob("*"):
            if file.suffix in (".sql", ".html", ".css", ".yaml", ".toml", ".j2", ".conf", ".binpb"):
                assert file.relative_to(root).as_posix() in names


def test_examples_of_clients_are_python(root: Path) -> None:
    for file in (root / "examples" / "clients").glob("*.py"):
        ast.parse(file.read_text("utf-8"))
