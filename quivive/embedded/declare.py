"""Tells the api what to watch, and asks it which regions there are, by way of `calls.py`."""

import asyncio
import json
import sys
from typing import Any

from quivive.configuration import Configuration, Loaded, RegionConfig, canonical_json
from quivive.embedded.supervise import Failed
from quivive.settings import EXIT_USAGE

DEFAULT_REGION = "local"
LONGEST_LINE = 1 << 20


class Caller:
    """Calls of the api, made by a program that is there from `start` to `close`."""

    def __init__(self, address: str, token: str) -> None:
        self._to = {"address": address, "token": token}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Early: it gets ready while others do."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "quivive.embedded.calls"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            # Ctrl-C is for the supervisor, which closes our input.
            start_new_session=True,
        )

    async def close(self) -> None:
        """It has nothing to lose."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def regions(self) -> tuple[str, ...]:
        """The regions that were declared earlier, by name."""
        answer = await self._call("regions")
        if "error" in answer:
            raise Failed(f"the api does not answer: {answer['error']}")
        return tuple(answer["regions"])

    async def apply(self, configuration: Configuration, loaded: Loaded | None) -> None:
        """Make the configuration so. Raises Failed with every objection, at its place in the files."""
        answer = await self._call("apply", configuration=canonical_json(configuration))
        if "error" not in answer:
            return
        if answer["violations"] is None:
            raise Failed(f"the configuration could not be applied: {answer['error']}")
        objections = [
            str((loaded.problem_at(field, text) if loaded else None) or f"{field}: {text}")
            for field, text in answer["violations"]
        ]
        raise Failed("\n".join(objections) or answer["error"], EXIT_USAGE)

    async def _call(self, call: str, **values: str) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"call": call, **self._to, **values}).encode() + b"\n")
        line = await process.stdout.readline()
        if not line:
            raise Failed("the program that calls the api has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


def with_regions(configuration: Configuration, names: tuple[str, ...]) -> Configuration:
    """The configuration with these regions declared. Several on one machine are not independent: marked simulated."""
    simulated = len(names) > 1
    declared = {region.id: region for region in configuration.regions}
    for name in names:
        known = declared.get(name, RegionConfig(id=name))
        declared[name] = known.model_copy(update={"simulated": known.simulated or simulated})
    return configuration.model_copy(update={"regions": tuple(declared.values())})
