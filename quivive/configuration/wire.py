"""Configuration as JSON, the form in which it travels to the server."""

import json
from typing import Any

from quivive.configuration.model import Configuration
from quivive.configuration.problems import ConfigurationError, Problem
from quivive.configuration.validate import validate

MAX_JSON_BYTES = 8 * 1024 * 1024


def canonical_json(configuration: Configuration) -> str:
    """Keys sorted, nothing that is as by default, items in their order: paths into it are paths into what was read."""
    content = configuration.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_json(text: str) -> Configuration:
    """Read what `canonical_json` wrote, or anybody else. ConfigurationError with every problem, by path."""
    if len(text) > MAX_JSON_BYTES or len(text.encode("utf-8", "replace")) > MAX_JSON_BYTES:
        raise ConfigurationError([Problem((), f"is larger than {MAX_JSON_BYTES // 1024 // 1024} MiB")])
    try:
        data = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except RecursionError:
        raise ConfigurationError([Problem((), "is nested too deeply")]) from None
    except ValueError as error:
        raise ConfigurationError([Problem((), f"is not JSON: {error}")]) from None
    if not isinstance(data, dict):
        raise ConfigurationError([Problem((), "must be an object with the kinds as keys")])
    return validate(data)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"duplicate key {key!r}")
        result[key] = value
    return result


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")
