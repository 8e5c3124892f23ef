"""State changes of a batch fold into what holds in the end."""

from aggregator.decide.transitions import StateChanged
from aggregator.persist.intervals import rewrites
from quivive.domain.words import State


def change(at_us: int, state: State, check: int = 1, incident: str | None = None) -> StateChanged:
    return StateChanged(check, at_us, state, "because", incident)


def folded(*changes: StateChanged) -> list[list[tuple[int, State]]]:
    return [[(span.at_us, span.state) for span in spans] for spans in rewrites(changes)]


def test_changes_in_order_follow_each_other() -> None:
    assert folded(change(1, State.UP), change(5, State.DOWN)) == [[(1, State.UP), (5, State.DOWN)]]


def test_a_change_that_reaches_back_overrules_what_began_later() -> None:
    assert folded(change(5, State.UP), change(7, State.PARTIAL_OUTAGE), change(3, State.DOWN)) == [[(3, State.DOWN)]]


def test_a_change_at_the_same_instant_takes_its_place() -> None:
    assert folded(change(5, State.UP), change(5, State.DOWN)) == [[(5, State.DOWN)]]


def test_the_same_state_again_is_one_span() -> None:
    assert folded(change(1, State.UP), change(5, State.UP)) == [[(1, State.UP)]]


def test_two_incidents_in_a_row_stay_apart() -> None:
    spans = rewrites([change(1, State.DOWN, incident="a"), change(5, State.DOWN, incident="b")])
    assert [span.incident for span in spans[0]] == ["a", "b"]


def test_checks_do_not_mix() -> None:
    assert folded(change(9, State.UP, check=1), change(2, State.DOWN, check=2)) == [[(9, State.UP)], [(2, State.DOWN)]]
