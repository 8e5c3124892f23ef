from hypothesis import given
from hypothesis import strategies as st

from probe_agent.clock import BusClock, Sample

MS = 1000
HOUR = 3_600_000_000


def sample(at_us: int, offset_us: int, there_us: int, back_us: int) -> Sample:
    return Sample(sent_us=at_us, stamped_us=at_us + there_us + offset_us, acknowledged_us=at_us + there_us + back_us)


@given(
    st.integers(-HOUR, HOUR), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=30)
)
def test_the_offset_is_right_to_half_the_quickest_round_trip(offset_us: int, trips: list[tuple[int, int]]) -> None:
    clock = BusClock()
    for index, (there_us, back_us) in enumerate(trips):
        clock.take(sample(index * 5_000_000, offset_us, there_us, back_us))
    quickest = min(there_us + back_us for there_us, back_us in trips[-12:])
    assert abs(clock.offset_us - offset_us) <= quickest // 2 + 1


def test_a_slow_round_trip_does_not_spoil_what_is_known() -> None:
    clock = BusClock()
    clock.take(sample(0, 700, 1 * MS, 1 * MS))
    clock.take(sample(5_000_000, 700, 900 * MS, 10 * MS))
    assert clock.offset_us == 700


def test_a_clock_that_is_set_is_noticed_at_once() -> None:
    clock = BusClock()
    for index in range(5):
        clock.take(sample(index * 5_000_000, 0, 1 * MS, 1 * MS))
    clock.take(sample(25_000_000, 60_000 * MS, 2 * MS, 2 * MS))
    assert clock.offset_us == 60_000 * MS


def test_a_sample_during_which_our_clock_was_set_back_is_not_one() -> None:
    clock = BusClock()
    clock.take(Sample(sent_us=1000, acknowledged_us=500, stamped_us=700))
    assert not clock.is_set
