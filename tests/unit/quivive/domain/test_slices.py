from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from quivive.domain.checks import SLICES
from quivive.domain.slices import slices_of

agents = st.sets(st.uuids(version=4).map(str), min_size=1, max_size=6)


@given(agents)
def test_every_slice_has_exactly_one_agent(names: set[str]) -> None:
    shares = [slices_of(name, names) for name in names]
    assert frozenset().union(*shares) == frozenset(range(SLICES))
    assert all(not first & second for first, second in combinations(shares, 2))


@given(agents, st.uuids(version=4).map(str))
def test_when_one_comes_or_goes_only_its_slices_move(names: set[str], other: str) -> None:
    for name in names:
        assert slices_of(name, names) - slices_of(name, {*names, other}) <= slices_of(other, names)


def test_one_counts_itself_among_the_others() -> None:
    assert slices_of("one", ()) == frozenset(range(SLICES))
    assert slices_of("one", ("two",)) == slices_of("one", ("one", "two"))


def test_shares_are_alike() -> None:
    names = [f"agent-{number}" for number in range(4)]
    assert all(SLICES / 4 * 0.6 < len(slices_of(name, names)) < SLICES / 4 * 1.4 for name in names)
