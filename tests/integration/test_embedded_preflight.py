"""What stops `quivive up` before it has started anything: one clear line, exit code 2."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from quivive.embedded.options import UpOptions
from quivive.embedded.places import free_port
from quivive.embedded.preflight import check_port, claim
from quivive.embedded.supervise import Failed
from quivive.embedded.up import run


def options(data_dir: Path, **more: object) -> UpOptions:
    given: dict[str, object] = {
        "config": None,
        "data_dir": data_dir,
        "bind": "127.0.0.1",
        "public_url": None,
        "grpc_port": free_port(),
        "http_port": free_port(),
        "regions": (),
        "demo": False,
        "nats_url": None,
        "database_url": None,
        **more,
    }
    return UpOptions(**given)  # type: ignore[arg-type]


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("port", "flag"), [("grpc_port", "--grpc-port"), ("http_port", "--http-port")])
def test_a_busy_port_is_named_with_its_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str, flag: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert run(options(tmp_path, **{port: number})) == 2
    assert said(capsys) == [
        f"quivive up: port {number} on 127.0.0.1 is busy: stop what uses it, or give another {flag}"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.chown(tmp_path, 65534, 65534)
    assert run(options(tmp_path)) == 2
    assert said(capsys) == [f"quivive up: {tmp_path} belongs to nobody, not to root: give another --data-dir"]


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run(options(tmp_path / "file" / "data")) == 2
    (line,) = said(capsys)
    assert "cannot be used: Not a directory; give another --data-dir" in line


def test_a_directory_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time; from pathlib import Path; from quivive.embedded.preflight import claim; "
            "lock = claim(Path(sys.argv[1])); print('claimed', flush=True); time.sleep(600)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"claimed\n"
        assert run(options(tmp_path)) == 2
        assert said(capsys) == [
            f"quivive up: {tmp_path} is in use by another quivive up (process {holder.pid}): "
            "stop it, or give another --data-dir"
        ]
    finally:
        holder.kill()
        holder.wait()
    os.close(claim(tmp_path))


def test_every_problem_of_a_configuration_is_shown_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "quivive.yaml"
    config.write_text("sites:\n  - {id: a, customer: b, url: http://a.example/, interval: 30}\ncolour: red\n")
    assert run(options(tmp_path / "data", config=config)) == 2
    lines = said(capsys)
    assert any(line.startswith(f"{config}:2:") and "interval" in line for line in lines)
    assert any(line.startswith(f"{config}:3:") and "colour" in line for line in lines)
    assert not (tmp_path / "data").exists()


def test_a_free_port_is_not_objected_to() -> None:
    port = free_port()
    check_port("127.0.0.1", port, "--grpc-port")
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Failed):
        check_port("127.0.0.1", port, "--grpc-port")
