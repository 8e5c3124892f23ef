"""Every name on the bus, in one place (design section 4)."""

RESULTS_STREAM = "QUIVIVE_RESULTS"
EVENTS_STREAM = "QUIVIVE_EVENTS"
CHECKS_BUCKET = "quivive_checks"
PRESENCE_BUCKET = "quivive_presence"
AGGREGATOR_KEY = "aggregator"
"""The aggregator's own sign of life in the presence bucket, beside the agents'."""
AGENT_KEYS = "*.*"


def results(shard: int, region: str) -> str:
    return f"quivive.results.{shard}.{region}"


def events(kind: str, site: str) -> str:
    """`kind` keeps its dot out of the subject's tokens: incident.confirmed becomes incident-confirmed."""
    return f"quivive.events.{kind.replace('.', '-')}.{site}"


def confirm(region: str) -> str:
    return f"quivive.confirm.{region}"


def check_key(slice_: int, check: int) -> str:
    return f"{slice_}.{check}"


def presence_key(region: str, agent: str) -> str:
    return f"{region}.{agent}"
