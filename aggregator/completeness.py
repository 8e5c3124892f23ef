"""Whether data is complete: no critical check that used to be known has become UNKNOWN. The operator hears when that changes."""

from collections.abc import Callable, Iterable

import psycopg

from aggregator.decide.transitions import StateChanged, Transition
from aggregator.persist.batch import DataNotice
from aggregator.policies import SQL
from quivive.domain.words import State


class Known:
    """Which checks of our shards are known, and which used to be. Follows the committed states."""

    def __init__(self, known: Iterable[int] = (), unknown: Iterable[int] = ()) -> None:
        self._known = {*known, *unknown}
        self._unknown = set(unknown)

    @property
    def unknown(self) -> int:
        """How many critical checks used to be known and are not."""
        return len(self._unknown)

    def learn(self, others: "Known", is_ours: Callable[[int], bool]) -> None:
        """Of the checks that have come to us."""
        self._known.update(filter(is_ours, others._known))
        self._unknown.update(filter(is_ours, others._unknown))

    def forget(self, is_theirs: Callable[[int], bool]) -> None:
        """The checks that are somebody else's now."""
        self._known = {check for check in self._known if not is_theirs(check)}
        self._unknown = {check for check in self._unknown if not is_theirs(check)}

    def follow(self, transitions: Iterable[Transition], is_critical: Callable[[int], bool]) -> None:
        """Take transitions in."""
        for transition in transitions:
            if isinstance(transition, StateChanged):
                self._take(transition, is_critical)

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


class Completeness:
    """What the operator was told last; `key` names the incompleteness."""

    def __init__(self, *, incomplete: bool = False, key: str = "") -> None:
        self._incomplete = incomplete
        self._key = key

    def judge(self, unknown: int, now_us: int) -> list[DataNotice]:
        """So many checks of all shards are unknown; at most one notice comes of it."""
        if bool(unknown) == self._incomplete:
            return []
        self._incomplete = bool(unknown)
        if self._incomplete:
            self._key = str(now_us)
        return [DataNotice(self._key, not self._incomplete, now_us, unknown)]


async def load_known(connection: psycopg.AsyncConnection) -> Known:
    """Of all shards, as it was committed last."""
    known = await (await connection.execute(SQL["known_checks"])).fetchall()
    unknown = await (await connection.execute(SQL["unknown_checks"])).fetchall()
    return Known((row[0] for row in known), (row[0] for row in unknown))


async def load_told(connection: psycopg.AsyncConnection) -> Completeness:
    """As the operator was told last."""
    last = await (await connection.execute(SQL["last_completeness"])).fetchone()
    if last is None:
        return Completeness()
    kind, _, key = last[0].rpartition("/")
    return Completeness(incomplete=kind == "data.incomplete", key=key)
