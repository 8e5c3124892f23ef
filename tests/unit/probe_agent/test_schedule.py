from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_agent.checks import Check
from probe_agent.schedule import ASLEEP_US, LATEST_US, Schedule, Slot
from probe_agent.targets import HttpTarget
from quivive.domain.times import SECOND_US

REGIONS = ("ap-south", "eu-west", "us-east")
START_US = 1_767_225_600 * SECOND_US


def check(
    id_: int = 7, interval_us: int = 30 * SECOND_US, regions: tuple[str, ...] = REGIONS, revision: int = 1
) -> Check:
    return Check(
        id=id_,
        revision=revision,
        name=f"sites/s{id_}/checks/http",
        regions=regions,
        interval_us=interval_us,
        timeout_us=10 * SECOND_US,
        down_attempts=2,
        attempt_gap_us=SECOND_US // 2,
        target=HttpTarget("https://www.example.com/"),
    )


def asked(schedule: Schedule, times: list[int]) -> list[Slot]:
    return [slot for now_us in times for slot in schedule.due(now_us)]


checks = st.builds(
    check,
    id_=st.integers(1, 2**63 - 1),
    interval_us=st.integers(1 * SECOND_US, 180 * SECOND_US),
    regions=st.sets(st.sampled_from(["a", "b", "eu-west", "z"]), min_size=1).map(
        lambda regions: tuple(sorted(regions | {"eu-west"}))
    ),
)
pauses = st.lists(st.integers(0, ASLEEP_US), min_size=1, max_size=60)


@given(st.lists(checks, min_size=1, max_size=8, unique_by=lambda item: item.id), pauses)
def test_no_slot_is_lost_or_doubled_however_irregularly_it_is_asked(watched: list[Check], waits: list[int]) -> None:
    schedule = Schedule("eu-west", START_US)
    for item in watched:
        schedule.put(item)
    now_us, handed_out = START_US, []
    for wait in waits:
        now_us += wait
        handed_out += schedule.due(now_us)
    for item in watched:
        slots = [slot.slot_us for slot in handed_out if slot.check is item]
        assert len(slots) == len(set(slots))
        if not slots:
            assert now_us - START_US < item.interval_us
            continue
        assert 0 < slots[0] - START_US <= item.interval_us
        assert slots == list(range(slots[0], now_us + 1, item.interval_us))


@given(checks, st.integers(0, 10**9))
def test_regions_are_staggered_evenly_and_every_region_keeps_the_same_grid(item: Check, shift: int) -> None:
    now_us = START_US + shift
    first = {}
    for region in item.regions:
        schedule = Schedule(region, now_us)
        schedule.put(item)
        slot_us = schedule.next_us()
        assert slot_us is not None
        first[region] = slot_us % item.interval_us
    base = first[item.regions[0]]
    for rank, region in enumerate(item.regions):
        assert (first[region] - base) % item.interval_us == rank * item.interval_us // len(item.regions)


@given(checks, pauses, st.integers(1, 59), st.integers(1 * SECOND_US, 60 * SECOND_US))
def test_a_change_loses_no_slot_of_an_unchanged_grid_and_makes_no_burst(
    item: Check, waits: list[int], when: int, interval_us: int
) -> None:
    schedule = Schedule("eu-west", START_US)
    schedule.put(item)
    changed = replace(item, revision=2, interval_us=interval_us)
    now_us, handed_out = START_US, []
    for index, wait in enumerate(waits):
        if index == when:
            schedule.put(changed)
        now_us += wait
        lot = schedule.due(now_us)
        assert len(lot) <= wait // min(item.interval_us, interval_us) + 1
        handed_out += lot
    old = [slot.slot_us for slot in handed_out if slot.check is item]
    new = [slot.slot_us for slot in handed_out if slot.check is changed]
    assert all(later > earlier for earlier in old for later in new)
    if interval_us == item.interval_us:
        slots = old + new
        assert slots == list(range(slots[0], now_us + 1, interval_us)) if slots else True


def test_a_revision_of_the_same_grid_takes_over_the_coming_slot() -> None:
    schedule = Schedule("eu-west", START_US)
    schedule.put(check())
    slot_us = schedule.next_us()
    assert slot_us is not None
    schedule.put(check(revision=2))
    assert [(slot.slot_us, slot.check.revision) for slot in schedule.due(slot_us)] == [(slot_us, 2)]


def test_a_removed_check_has_no_slots_and_one_that_returns_has_each_once() -> None:
    schedule = Schedule("eu-west", START_US)
    schedule.put(check())
    schedule.remove(7)
    assert schedule.due(START_US + 20 * SECOND_US) == []
    schedule.put(check())
    schedule.remove(7)
    schedule.put(check())
    times = [START_US + second * SECOND_US for second in range(20, 120, 5)]
    slots = [slot.slot_us for slot in asked(schedule, times)]
    assert len(slots) in (3, 4)
    assert slots == sorted(set(slots))
    schedule.remove(8)


def test_slots_that_came_due_while_nobody_could_work_are_handed_out_late() -> None:
    schedule = Schedule("eu-west", START_US)
    schedule.put(check(interval_us=4 * SECOND_US))
    now_us = START_US + 25 * SECOND_US
    slots = schedule.due(now_us)
    assert len(slots) in (6, 7)
    too_late = [slot for slot in slots if slot.latest_us < now_us]
    assert slots[: len(slots) - 1] == too_late[: len(slots) - 1]


def test_a_machine_that_slept_does_not_answer_for_the_slots_of_its_sleep() -> None:
    schedule = Schedule("eu-west", START_US)
    schedule.put(check())
    woken_us = START_US + 3600 * SECOND_US
    assert schedule.due(woken_us) == []
    slots = asked(schedule, [woken_us + second * SECOND_US for second in range(1, 61)])
    assert len(slots) == 2
    assert all(slot.slot_us > woken_us for slot in slots)


@pytest.mark.parametrize("back_s", [1, 3600])
def test_a_clock_that_is_set_back_does_not_stop_the_checks(back_s: int) -> None:
    schedule = Schedule("eu-west", START_US)
    schedule.put(check(interval_us=10 * SECOND_US))
    now_us = START_US + 20 * SECOND_US
    schedule.due(now_us)
    set_back_us = now_us - back_s * SECOND_US
    slots = asked(schedule, [set_back_us + tick * SECOND_US // 4 for tick in range(120)])
    assert len(slots) in (2, 3)
    assert len({slot.slot_us for slot in slots}) == len(slots)


@pytest.mark.parametrize(("interval_s", "latest_us"), [(3, 3 * SECOND_US // 2), (10, LATEST_US), (180, LATEST_US)])
def test_a_slot_may_be_late_by_half_its_interval_and_never_more_than_five_seconds(
    interval_s: int, latest_us: int
) -> None:
    slot = Slot(check(interval_us=interval_s * SECOND_US), START_US)
    assert slot.latest_us - slot.slot_us == latest_us


def test_a_check_of_other_regions_is_refused() -> None:
    schedule = Schedule("moon", START_US)
    with pytest.raises(ValueError, match="not in tuple"):
        schedule.put(check())
    assert len(schedule) == 0


def test_without_checks_there_is_nothing_to_wait_for() -> None:
    schedule = Schedule("eu-west", START_US)
    assert schedule.next_us() is None
    assert schedule.due(START_US + SECOND_US) == []


def test_thirty_thousand_checks_start_without_a_stampede() -> None:
    """They come over ten seconds; the agent asks every quarter of a second, and begins when all are there."""
    many, interval_us, tick_us = 30_000, 30 * SECOND_US, SECOND_US // 4
    schedule = Schedule("eu-west", START_US, begun=False)
    ids = iter(range(1, many + 1))
    now_us = START_US
    while now_us < START_US + 10 * SECOND_US:
        for id_ in islice(ids, many // 40):
            schedule.put(check(id_=id_, interval_us=interval_us))
        now_us += tick_us
        assert schedule.due(now_us) == []
    schedule.begin()
    begun_us = now_us
    slots: list[Slot] = []
    while now_us < begun_us + 2 * interval_us:
        now_us += tick_us
        lot = schedule.due(now_us)
        assert all(now_us - tick_us < slot.slot_us <= now_us for slot in lot)
        slots += lot
    per_second = Counter((slot.slot_us - begun_us - 1) // SECOND_US for slot in slots)
    share = many * SECOND_US // interval_us
    assert set(per_second) == set(range(60))
    # By chance some seconds hold more: the hash spreads checks as dice would, and this is four times what dice deviate by.
    assert max(per_second.values()) < share * 1.13
    assert min(per_second.values()) > share * 0.87
    first_round = [slot for slot in slots if slot.slot_us <= begun_us + interval_us]
    assert len({slot.check.id for slot in first_round}) == len(first_round) == many
