"""`quivive export`, `verify-chain`, `incident correct` and `customer erase` as people use them."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_server import CONFIGURATION, Api

from aggregator import database
from aggregator.seal.sealer import Sealer
from quivive.domain.words import State

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
WHO = ("--author", "Zoé", "--reason", "his own change")


@pytest.fixture
async def outage(api: Api) -> Api:
    """An api that knows of one outage, not sealed yet."""
    await api.apply(CONFIGURATION)
    api.incident("martin-www", "outage-1", START, START + HOUR)
    api.intervals("martin-www", (START - HOUR, START, State.UP), (START, START + HOUR, State.DOWN))
    return api


async def seal(api: Api) -> None:
    async with database.pool(api.database_url) as pool:
        while await Sealer(pool).seal_some():
            pass


async def run(api: Api, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, while the api goes on in this process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from quivive.cli import main; main()", *arguments),
        env=os.environ | {"QUIVIVE_SERVER": f"127.0.0.1:{api.ports.grpc}", "QUIVIVE_TOKEN": api.token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), errors.decode())


async def test_an_export_is_verified_without_the_server_and_tampering_is_found(outage: Api, tmp_path: Path) -> None:
    done = await run(outage, "incident", "correct", "outage-1", "--not-counted", "--responsibility", "customer", *WHO)
    assert done.stdout == "Recorded as correction 1 of incidents/outage-1.\n"
    await seal(outage)
    file = tmp_path / "martin.jsonl"
    assert (await run(outage, "export", "martin", "-o", str(file))).returncode == 0
    nowhere = ("--server", "127.0.0.1:1")
    verified = json.loads((await run(outage, "verify-chain", str(file), "--output", "json", *nowhere)).stdout)
    lines = file.read_text("utf-8").splitlines()
    assert [chain["entries"] for chain in verified] == [len(lines)]
    head = verified[0]["head"]

    file.write_text("\n".join(lines[:-1]), "utf-8")
    assert (await run(outage, "verify-chain", str(file), *nowhere)).returncode == 0
    cut = await run(outage, "verify-chain", str(file), "--head", head, *nowhere)
    assert (cut.returncode, "is in no chain" in cut.stderr) == (1, True)

    file.write_text("\n".join(lines).replace('"DOWN"', '"UP"'), "utf-8")
    changed = await run(outage, "verify-chain", str(file), *nowhere)
    assert (changed.returncode, "its content was changed" in changed.stderr) == (1, True)

    assert (await run(outage, "verify-chain", "--customer", "martin", "--head", head)).returncode == 0
    assert head in (await run(outage, "verify-chain")).stdout


async def test_csv_is_for_people(outage: Api) -> None:
    await seal(outage)
    done = await run(outage, "export", "customers/martin", "--format", "csv")
    states = [row["state"] for row in csv.DictReader(io.StringIO(done.stdout)) if row["kind"] == "interval"]
    assert states == ["UP", "DOWN"]


async def test_a_correction_needs_a_word_of_the_vocabulary(outage: Api) -> None:
    done = await run(outage, "incident", "correct", "outage-1", "--counted", "--responsibility", "nobody", *WHO)
    assert (done.returncode, "is none of host, dns_registrar" in done.stderr) == (2, True)


async def test_a_customer_is_erased_once_he_is_no_longer_declared(outage: Api) -> None:
    await seal(outage)
    refused = await run(outage, "customer", "erase", "martin", "--yes", *WHO)
    assert (refused.returncode, "is still declared" in refused.stderr) == (6, True)
    asked = await run(outage, "customer", "erase", "martin", *WHO)
    assert (asked.returncode, "give --yes" in asked.stderr) == (2, True)
    await outage.apply({**CONFIGURATION, "customers": [], "sites": []}, prune=True)
    done = await run(outage, "customer", "erase", "martin", "--yes", *WHO)
    assert done.stdout.startswith("Erased customers/martin; the hashes of chain ")
    await seal(outage)
    (chain,) = json.loads((await run(outage, "verify-chain", "--output", "json")).stdout)
    assert chain["erased"] == chain["entries"] - 1
    gone = await run(outage, "export", "martin")
    assert (gone.returncode, gone.stderr) == (4, "there is no customer martin\n")
