"""What became of each monitor, as rows for one table: alike ones together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quivive.importing.sites import Fate

RESULTS = ("not taken", "changed", "taken")


@dataclass(frozen=True, slots=True)
class Row:
    """Monitors with the same fate, for the same reason."""

    result: str
    types: str
    count: int
    why: str
    which: str


def rows(fates: Sequence[Fate]) -> list[Row]:
    """A row per reason, the most frequent first: what could not be taken, what was changed, what is as it was.

    A monitor that was changed in several ways is in several rows.
    """
    found: dict[tuple[str, str], list[Fate]] = {}
    for fate in fates:
        for why in _reasons(fate):
            found.setdefault((fate.result, why), []).append(fate)
    made = [
        Row(result, _joined(sorted({fate.monitor.type for fate in alike}), 6), len(alike), why, _which(alike))
        for (result, why), alike in found.items()
    ]
    return sorted(made, key=lambda row: (RESULTS.index(row.result), -row.count, row.types, row.why))


def counts(fates: Sequence[Fate]) -> dict[str, int]:
    """How many of each result."""
    found = Counter(fate.result for fate in fates)
    return {result: found[result] for result in reversed(RESULTS)}


def remarks(fates: Sequence[Fate]) -> list[str]:
    """What is said once for all that were taken."""
    return list(dict.fromkeys(remark for fate in fates if fate.became for remark in fate.monitor.remarks))


def record(fate: Fate) -> dict[str, Any]:
    """One monitor's fate for programs."""
    return {
        "monitor": fate.monitor.name,
        "type": fate.monitor.type,
        "result": fate.result,
        "became": fate.became or None,
        "changes": list(fate.changes),
        "reason": fate.refusal or None,
    }


def _reasons(fate: Fate) -> Sequence[str]:
    # Names of its own would put each of otherwise equal monitors into a row of its own.
    site = fate.became.split("/")[1] if fate.became else ""
    variable = "QUIVIVE_SECRET_" + site.upper().replace("-", "_")
    changes = [
        change.replace(variable, "QUIVIVE_SECRET_…").replace(f"of {site} now", "of a site now")
        for change in fate.changes
    ]
    return [fate.refusal] if fate.refusal else changes or [""]


def _which(fates: Sequence[Fate]) -> str:
    return _joined([name if len(name) <= 40 else name[:39] + "…" for name in (fate.monitor.name for fate in fates)], 3)


def _joined(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
