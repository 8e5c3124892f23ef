"""The operator hears once that data became incomplete, and once that it is complete again."""

from dataclasses import dataclass, field

from aggregator.completeness import Completeness, Known
from aggregator.decide.transitions import StateChanged
from aggregator.persist.batch import DataNotice
from quivive.domain.words import State


@dataclass
class Data:
    """One aggregator's, which has every shard."""

    known: Known = field(default_factory=Known)
    told: Completeness = field(default_factory=Completeness)


def follow(data: Data, now_us: int, *changes: tuple[int, State]) -> list[DataNotice]:
    """Check 99 is not critical."""
    transitions = [StateChanged(check, now_us, state, "because") for check, state in changes]
    data.known.follow(transitions, lambda check: check != 99)
    return data.told.judge(data.known.unknown, now_us)


def test_a_check_that_was_never_known_makes_no_noise() -> None:
    assert follow(Data(), 1, (1, State.UNKNOWN)) == []


def test_the_first_check_that_is_lost_is_told_and_the_next_is_not() -> None:
    data = Data()
    follow(data, 1, (1, State.UP), (2, State.DOWN))
    assert follow(data, 2, (1, State.UNKNOWN)) == [DataNotice("2", False, 2, 1)]
    assert follow(data, 3, (2, State.UNKNOWN)) == []


def test_it_is_complete_when_the_last_one_is_known_again() -> None:
    data = Data(Known(known=[1, 2]))
    follow(data, 2, (1, State.UNKNOWN), (2, State.UNKNOWN))
    assert follow(data, 3, (1, State.UP)) == []
    assert follow(data, 4, (2, State.PARTIAL_OUTAGE)) == [DataNotice("2", True, 4, 0)]


def test_a_paused_check_is_missed_by_nobody() -> None:
    data = Data(Known(known=[1]))
    follow(data, 2, (1, State.UNKNOWN))
    assert follow(data, 3, (1, State.PAUSED)) == [DataNotice("2", True, 3, 0)]
    assert follow(data, 4, (1, State.UNKNOWN)) == []


def test_a_check_that_is_not_critical_is_missed_by_nobody() -> None:
    assert follow(Data(Known(known=[99])), 2, (99, State.UNKNOWN)) == []


def test_a_blink_within_one_batch_is_not_told() -> None:
    assert follow(Data(Known(known=[1])), 2, (1, State.UNKNOWN), (1, State.UP)) == []


def test_a_new_owner_goes_on_where_the_last_one_was() -> None:
    data = Data(Known(known=[1], unknown=[1]), Completeness(incomplete=True, key="7"))
    assert follow(data, 8) == []
    assert follow(data, 9, (1, State.UP)) == [DataNotice("7", True, 9, 0)]


def test_checks_that_are_handed_over_are_missed_by_their_new_owner_only() -> None:
    old, new = Known(known=[1, 2], unknown=[2, 3]), Known()
    new.learn(old, lambda check: check > 1)
    old.forget(lambda check: check > 1)
    assert (old.unknown, new.unknown) == (0, 2)
    old.follow([StateChanged(1, 5, State.UNKNOWN, "because")], lambda check: True)
    assert old.unknown == 1
