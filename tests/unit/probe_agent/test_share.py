from probe_agent.share import SILENCE_S, Neighbours
from quivive.domain.checks import SLICES
from quivive.domain.slices import slices_of

EVERY = frozenset(range(SLICES))


def test_alone_everything_is_ours() -> None:
    neighbours = Neighbours("me")
    assert neighbours.slices(sees=True) == neighbours.slices(sees=False) == EVERY
    neighbours.hear("me", serves=True, sees=True)
    assert neighbours.slices(sees=True) == EVERY


def test_who_comes_gets_its_share_only_once_it_serves() -> None:
    neighbours = Neighbours("me")
    neighbours.hear("other", serves=False, sees=True)
    assert neighbours.slices(sees=True) == EVERY
    neighbours.hear("other", serves=True, sees=True)
    assert neighbours.slices(sees=True) == slices_of("me", ["other"])


def test_who_is_silent_for_less_than_two_presence_periods_is_gone() -> None:
    neighbours = Neighbours("me")
    neighbours.hear("other", serves=True, sees=True)
    neighbours.listen(SILENCE_S - 0.1)
    assert neighbours.serving() == {"other"}
    neighbours.listen(0.2)
    assert neighbours.slices(sees=True) == EVERY
    assert SILENCE_S < 10


def test_an_old_last_word_counts_from_when_it_was_said() -> None:
    neighbours = Neighbours("me")
    neighbours.hear("other", serves=True, sees=True, age_s=SILENCE_S)
    assert neighbours.serving() == frozenset()


def test_who_takes_its_leave_is_gone_at_once() -> None:
    neighbours = Neighbours("me")
    neighbours.hear("other", serves=True, sees=True)
    neighbours.forget("other")
    neighbours.forget("other")
    assert neighbours.slices(sees=True) == EVERY


def test_who_cannot_see_leaves_its_slices_to_those_who_can() -> None:
    neighbours = Neighbours("me")
    neighbours.hear("other", serves=True, sees=True)
    assert neighbours.slices(sees=False) == frozenset()
    neighbours.hear("other", serves=True, sees=False)
    assert neighbours.slices(sees=True) == EVERY
    assert neighbours.slices(sees=False) == slices_of("me", ["other"])
