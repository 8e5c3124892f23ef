"""Many transitions are carried out together, in the order of each check's own."""

from aggregator.decide.transitions import IncidentReopened, IncidentResolved, StateChanged, Transition
from aggregator.persist.incidents import waves
from quivive.domain.words import State


def resolved(check: int, at_us: int) -> IncidentResolved:
    return IncidentResolved(f"i{check}", check, at_us, at_us, "recovered")


def reopened(check: int, at_us: int) -> IncidentReopened:
    return IncidentReopened(f"i{check}", check, at_us, "failed again", ("a",))


def test_checks_that_change_once_are_one_wave() -> None:
    many: list[Transition] = [resolved(check, 1) for check in range(1000)]
    assert waves(many) == [many]


def test_what_happens_to_a_check_stays_in_order() -> None:
    first, again, over = resolved(1, 1), reopened(1, 2), resolved(1, 3)
    other = resolved(2, 2)
    assert waves([first, again, other, over]) == [[first, other], [again], [over]]


def test_states_are_no_business_of_theirs() -> None:
    assert waves([StateChanged(1, 1, State.UP, "fine")]) == []
