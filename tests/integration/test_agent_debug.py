"""`python -m probe_agent check URL` as a person runs it, against a real server."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

ALLOWED = ("--allow", "127.0.0.0/8")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """An HTTPS site that redirects once, and the authority that it needs."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"GET /home "):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<p>\x1b[31mbread")
        else:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", tmp_path / "authority.pem"
    server.close()


async def run(*arguments: str, trusted: Path | None = None) -> tuple[int, str, str]:
    """Exit code, output, complaints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "probe_agent", "check", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", **({"SSL_CERT_FILE": str(trusted)} if trusted is not None else {})},
    )
    output, complaints = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), complaints.decode()


async def test_a_good_site_is_shown_with_its_phases_hops_and_certificate(site: tuple[str, Path]) -> None:
    url, trusted = site
    code, output, _ = await run(url, *ALLOWED, trusted=trusted)
    assert code == 0
    assert output.startswith(f"UP  {url}")
    for shown in ("hop 1: 302", f"hop 2: 200 {url}home", "TLS", "verified, valid until", "for 127.0.0.1", "TLSv1.3"):
        assert shown in output


async def test_the_same_as_json(site: tuple[str, Path]) -> None:
    url, trusted = site
    code, output, _ = await run(url, "--json", "--contains", "cake", *ALLOWED, trusted=trusted)
    shown = json.loads(output)
    assert code == 1
    assert (shown["outcome"], shown["cause"], shown["http_status"]) == ("DOWN", "CONTENT_MISSING", 200)
    assert shown["responsibility"] == "application"
    assert shown["certificates"][0]["names"] == ["127.0.0.1"]
    assert [hop["status"] for hop in shown["hops"]] == [302, 200]
    assert round(sum(shown["phases_ms"].values()), 1) == shown["total_ms"]


async def test_a_page_cannot_steer_the_terminal(site: tuple[str, Path]) -> None:
    url, trusted = site
    _, output, _ = await run(url, "--contains", "cake", *ALLOWED, trusted=trusted)
    assert "bread" in output
    assert "\x1b" not in output


async def test_a_refused_certificate_is_shown_as_such(site: tuple[str, Path]) -> None:
    url, _ = site
    code, output, _ = await run(url, *ALLOWED)
    assert code == 1
    assert "cause TLS_UNTRUSTED, usually for the certificate" in output
    assert "REFUSED" in output


@pytest.mark.parametrize(
    ("address", "outcome", "cause"),
    [
        ("198.51.100.7", "DOWN", "TCP_UNREACHABLE"),  # a router says that the host cannot be reached
        ("203.0.113.7", "PROBE_ERROR", "AGENT_FAULT"),  # our own firewall forbids it
        ("192.0.2.7", "PROBE_ERROR", "TCP_UNREACHABLE"),  # we have no route to its network
    ],
)
async def test_what_cannot_be_reached_is_told_from_what_we_cannot_reach(address: str, outcome: str, cause: str) -> None:
    # A network of its own, with routes as we need them.
    routes = "ip link set lo up; ip route add unreachable 198.51.100.0/24; ip route add prohibit 203.0.113.0/24"
    check = f"{sys.executable} -m probe_agent check http://{address}/ --json --allow {address}"
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--map-root-user", "--net", "sh", "-c", f"{routes} && exec {check}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await process.communicate()
    if b"unshare" in complaints or b"ip: not found" in complaints:
        pytest.skip(f"no network of one's own can be had here: {complaints.decode().strip()}")
    shown = json.loads(output)
    assert (shown["outcome"], shown["cause"]) == (outcome, cause)
    assert address in shown["detail"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("ftp://www.example.com/",), "not an http or https URL"),
        (("https://[::1",), "https://[::1"),
        (("www.example.com", "--header", "nonsense"), "write NAME:VALUE"),
        (("www.example.com", "--allow", "everything"), "everything"),
    ],
)
async def test_what_cannot_be_checked_is_refused_in_words(arguments: tuple[str, ...], complaint: str) -> None:
    code, _, complaints = await run(*arguments)
    assert code == 2
    assert complaint in complaints
    assert "Traceback" not in complaints
