"""What an aggregator tells the others of its shards with each renewal of its lease: the owner of shard 0 judges for all."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """Of `shards` shards that decide on what is new."""

    shards: int = 0
    lone: Mapping[str, int] = field(default_factory=dict)
    """By region, the checks that it alone finds failing."""
    unknown: int = 0
    """Critical checks that used to be known and are not."""
    doubted: frozenset[str] = frozenset()
    """Said by the owner of shard 0 only: the regions that are blind by comparison."""

    def to_json(self) -> dict[str, Any]:
        return {
            "shards": self.shards,
            "lone": dict(self.lone),
            "unknown": self.unknown,
            "doubted": sorted(self.doubted),
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> "Report":
        """An aggregator that has just come has told nothing yet."""
        return cls(
            told.get("shards", 0), told.get("lone", {}), told.get("unknown", 0), frozenset(told.get("doubted", ()))
        )


def total(reports: Iterable[Report]) -> Report:
    """What all of them say together."""
    shards = unknown = 0
    lone: Counter[str] = Counter()
    doubted: frozenset[str] = frozenset()
    for report in reports:
        shards += report.shards
        unknown += report.unknown
        lone.update(report.lone)
        doubted |= report.doubted
    return Report(shards, lone, unknown, doubted)
