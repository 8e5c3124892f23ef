from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from probe_agent.phases import UNIT_NS, Phase, Phases, Stopwatch

steps = st.lists(st.tuples(st.sampled_from(Phase), st.integers(0, 10**10)), max_size=30)


@given(steps, st.integers(0, 10**10))
def test_the_phases_add_up_to_the_duration(steps: list[tuple[Phase, int]], rest: int) -> None:
    watch, now_ns = Stopwatch(1000), 1000
    for phase, wait in steps:
        now_ns += wait
        watch.enter(phase, now_ns)
    now_ns += rest
    phases = watch.read(now_ns)
    assert sum(astuple(phases)) == round((now_ns - 1000) / UNIT_NS)
    assert min(astuple(phases)) >= 0


def test_the_phase_at_hand_is_billed_the_whole_remainder() -> None:
    watch = Stopwatch(0)
    watch.enter(Phase.CONNECT, 2_000_000)
    watch.enter(Phase.TLS, 5_000_000)
    assert watch.read(2_000_000_000) == Phases(dns=20, connect=30, tls=19_950)


def test_a_second_hop_adds_to_the_same_phases() -> None:
    watch = Stopwatch(0)
    watch.enter(Phase.FIRST_BYTE, 1_000_000)
    watch.enter(Phase.DNS, 4_000_000)
    watch.enter(Phase.FIRST_BYTE, 6_000_000)
    assert watch.read(10_000_000) == Phases(dns=30, first_byte=70)
