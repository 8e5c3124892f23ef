"""What can be wrong with a site of the farm, and when it is."""

from dataclasses import dataclass
from enum import Enum


class Trouble(Enum):
    """A way to fail that visitors know."""

    UNAVAILABLE = "answers 503"
    DATABASE = "answers 500, error establishing a database connection"
    REFUSED = "refuses connections"
    HANGING = "accepts connections and never answers"
    EXPIRED = "shows an expired certificate"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A trouble that comes and goes: from `start` to `end`, in seconds of every `cycle`."""

    trouble: Trouble
    start: float
    end: float
    cycle: float = 600.0

    def at(self, seconds: float) -> Trouble | None:
        """What is wrong so long after the farm was opened."""
        return self.trouble if self.start <= seconds % self.cycle < self.end else None
