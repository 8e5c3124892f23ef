"""Whether data is complete: no critical check that used to be known has become UNKNOWN. The operator hears when that changes."""

from collections.abc import Callable, Iterable

import psycopg

from aggregator.decide.transitions import StateChanged, Transition
from aggregator.persist.batch import DataNotice
from aggregator.policies import SQL
from quivive.domain.words import State


class Completeness:
    """Follows the committed states. `key` names the incompleteness that was told last."""

    def __init__(self, known: Iterable[int] = (), unknown: Iterable[int] = (), key: str = "") -> None:
        self._known = set(known)
        self._unknown = set(unknown)
        self._key = key
        self._incomplete = bool(self._unknown)

    def follow(
        self, transitions: Iterable[Transition], is_critical: Callable[[int], bool], now_us: int
    ) -> list[DataNotice]:
        """Take transitions in; at most one notice comes of them."""
        for transition in transitions:
            if isinstance(transition, StateChanged):
                self._take(transition, is_critical)
        if bool(self._unknown) == self._incomplete:
            return []
        self._incomplete = bool(self._unknown)
        if self._incomplete:
            self._key = str(now_us)
        return [DataNotice(self._key, not self._incomplete, now_us, len(self._unknown))]

    def _take(self, change: StateChanged, is_critical: Callable[[int], bool]) -> None:
        match change.state:
            case State.UNKNOWN:
                if change.check in self._known and is_critical(change.check):
                    self._unknown.add(change.check)
            case State.PAUSED:
                self._known.discard(change.check)
                self._unknown.discard(change.check)
            case State.UP | State.DOWN | State.PARTIAL_OUTAGE:
                self._known.add(change.check)
                self._unknown.discard(change.check)


async def load(connection: psycopg.AsyncConnection) -> Completeness:
    """As it was committed last."""
    known = await (await connection.execute(SQL["known_checks"])).fetchall()
    unknown = [row[0] for row in await (await connection.execute(SQL["unknown_checks"])).fetchall()]
    last = await (await connection.execute(SQL["last_incompleteness"])).fetchone()
    key = last[0].rpartition("/")[2] if last else ""
    return Completeness([*(row[0] for row in known), *unknown], unknown, key)
