"""From plain data to a `Configuration`, or to all its problems in words for whoever wrote it."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from quivive.configuration.channels import CHANNEL_MODELS, MailServerConfig
from quivive.configuration.model import (
    Configuration,
    CustomerConfig,
    MaintenanceConfig,
    PlanConfig,
    RegionConfig,
    SiteConfig,
)
from quivive.configuration.paging import (
    ContactConfig,
    EscalationPolicyConfig,
    LayerConfig,
    OverrideConfig,
    PagingRuleConfig,
    PersonConfig,
    ScheduleConfig,
    SilenceConfig,
    StepConfig,
    WhomConfig,
)
from quivive.configuration.problems import ConfigurationError, Problem, ValuePath, format_path
from quivive.configuration.status_page import StatusPageConfig
from quivive.configuration.watched import (
    AuthConfig,
    CheckConfig,
    DnsConfig,
    DriftConfig,
    ExpectConfig,
    HeartbeatConfig,
    TcpConfig,
)

KINDS = tuple(Configuration.model_fields)

_MODELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Configuration,
    ("plans",): PlanConfig,
    ("customers",): CustomerConfig,
    ("sites",): SiteConfig,
    ("sites", "expect"): ExpectConfig,
    ("sites", "auth"): AuthConfig,
    ("sites", "drift"): DriftConfig,
    ("sites", "maintenance"): MaintenanceConfig,
    ("sites", "checks"): CheckConfig,
    ("sites", "checks", "expect"): ExpectConfig,
    ("sites", "checks", "auth"): AuthConfig,
    ("sites", "checks", "drift"): DriftConfig,
    ("sites", "checks", "tcp"): TcpConfig,
    ("sites", "checks", "dns"): DnsConfig,
    ("sites", "checks", "heartbeat"): HeartbeatConfig,
    **{("channels", type_): model for type_, model in CHANNEL_MODELS.items()},
    ("channels", "email", "server"): MailServerConfig,
    ("regions",): RegionConfig,
    ("plans", "paging"): PagingRuleConfig,
    ("customers", "contacts"): ContactConfig,
    ("customers", "status_page"): StatusPageConfig,
    ("people",): PersonConfig,
    ("schedules",): ScheduleConfig,
    ("schedules", "layers"): LayerConfig,
    ("schedules", "overrides"): OverrideConfig,
    ("escalation_policies",): EscalationPolicyConfig,
    ("escalation_policies", "steps"): StepConfig,
    ("escalation_policies", "fallback"): WhomConfig,
    ("escalation_policies", "before_missed"): WhomConfig,
    ("silences",): SilenceConfig,
}
"""By the keys that lead to it."""


def validate(data: Mapping[str, Any], place: Callable[[ValuePath], str] = format_path) -> Configuration:
    """Check everything that one configuration alone can say. `place` names a value that a message refers to.

    Raises ConfigurationError with every problem; their paths are those of `data`.
    """
    problems = [*_duplicates(data, place), *_shared_domains(data, place)]
    try:
        configuration = Configuration.model_validate(data)
    except ValidationError as error:
        problems += [_in_words(details) for details in error.errors(include_url=False) if not _follows(details)]
    if problems:
        raise ConfigurationError(problems)
    return configuration


def suggestion(word: str, known: list[str]) -> str:
    """` (did you mean …?)`, or nothing when no known word is close."""
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def unknown_key(key: str, known: list[str]) -> str:
    return "unknown key" + (suggestion(key, known) or "; there are " + ", ".join(known))


def _duplicates(data: Mapping[str, Any], place: Callable[[ValuePath], str]) -> Iterator[Problem]:
    for kind in KINDS:
        items = data.get(kind)
        if not isinstance(items, list):
            continue
        first: dict[str, ValuePath] = {}
        for index, item in enumerate(items):
            id_ = item.get("id") if isinstance(item, dict) else None
            path: ValuePath = (kind, index, "id")
            if not isinstance(id_, str):
                continue
            if id_ in first:
                yield Problem(path, f"duplicate id {id_}, already declared at {place(first[id_])}")
            else:
                first[id_] = path


def _shared_domains(data: Mapping[str, Any], place: Callable[[ValuePath], str]) -> Iterator[Problem]:
    first: dict[str, ValuePath] = {}
    customers = data.get("customers")
    for index, customer in enumerate(customers if isinstance(customers, list) else ()):
        page = customer.get("status_page") if isinstance(customer, dict) else None
        domain = page.get("domain") if isinstance(page, dict) else None
        if isinstance(domain, str):
            path: ValuePath = ("customers", index, "status_page", "domain")
            if first.setdefault(domain.lower(), path) != path:
                yield Problem(path, f"{domain} is already the status page's at {place(first[domain.lower()])}")


def _in_words(details: ErrorDetails) -> Problem:
    loc = details["loc"]
    path = _path_of(loc)
    value = details["input"]
    match details["type"]:
        case "extra_forbidden":
            keys = tuple(step for step in loc[:-1] if isinstance(step, str))
            message = unknown_key(str(loc[-1]), list(_MODELS[keys].model_fields))
        case "missing":
            message = "is required"
        case "value_error":
            message = str(details["ctx"]["error"])
        case "string_type":
            quotes = "" if isinstance(value, list | dict) else ": put it in quotes"
            message = f"must be text, not {_shown(value)}{quotes}"
        case "model_type" | "model_attributes_type" | "dict_type":
            message = f"must be a mapping of keys to values, not {_shown(value)}"
        case "tuple_type" | "list_type":
            message = f"must be a list, not {_shown(value)}"
        case "too_short":
            message = f"must name at least {details['ctx']['min_length']}"
        case "too_long":
            message = f"must name at most {details['ctx']['max_length']}, not {len(value)}"
        case "bool_type":
            message = f"must be true or false, not {_shown(value)}"
        case "literal_error":
            message = f"must be {details['ctx']['expected']}, not {_shown(value)}"
        case "union_tag_not_found":
            path, message = (*path, "type"), f"is required: {_types()}"
        case "union_tag_invalid":
            path, message = (*path, "type"), f"must be {_types()}, not {_shown(details['ctx']['tag'])}"
        case _:
            message = details["msg"].replace("Input should", "must")
    return Problem(path, message)


def _follows(details: ErrorDetails) -> bool:
    """Whether a list is only called too short because its items were refused, each with its own problem."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _path_of(loc: tuple[str | int, ...]) -> ValuePath:
    """The error's place among the data: pydantic's has the tag of a channel's type in it, which the data has not."""
    return (*loc[:2], *loc[3:]) if loc[:1] == ("channels",) else loc


def _types() -> str:
    *others, last = CHANNEL_MODELS
    return f"{', '.join(others)} or {last}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
