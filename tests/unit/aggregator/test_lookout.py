"""Which regions can see, by who was heard when. Seconds count only while the broker is with us."""

from aggregator.regions import Lookout, differences


def lookout(*regions: str) -> Lookout:
    watch = Lookout()
    watch.declare(regions)
    return watch


def test_nothing_is_said_of_a_region_before_it_had_time_to_be_heard() -> None:
    watch = lookout("eu")
    watch.listen(14.9)
    assert watch.blindness() == {}


def test_a_region_that_was_never_heard_is_blind_after_fifteen_seconds() -> None:
    watch = lookout("eu")
    watch.listen(15)
    assert watch.blindness() == {"eu": "no agent heard for 15 s"}


def test_a_region_that_is_heard_sees_at_once() -> None:
    watch = lookout("eu")
    watch.hear("eu", "a", 0)
    assert watch.blindness() == {"eu": None}


def test_a_region_is_blind_when_the_last_of_its_agents_falls_silent() -> None:
    watch = lookout("eu")
    watch.hear("eu", "a", 0)
    watch.listen(10)
    watch.hear("eu", "b", 0)
    watch.listen(14)
    assert watch.blindness() == {"eu": None}
    watch.listen(1)
    assert watch.blindness() == {"eu": "no agent heard for 15 s"}


def test_an_agent_whose_clock_is_off_does_not_see_for_its_region() -> None:
    watch = lookout("eu")
    watch.hear("eu", "a", 0)
    for _ in range(3):
        watch.listen(5)
        watch.hear("eu", "a", -7_200_000)
    assert watch.blindness() == {"eu": "clock off by -7.2 s"}


def test_another_agent_with_a_right_clock_is_enough() -> None:
    watch = lookout("eu")
    watch.listen(20)
    watch.hear("eu", "a", 60_000_000)
    watch.hear("eu", "b", 5_000_000)
    assert watch.blindness() == {"eu": None}


def test_a_word_from_before_we_came_counts_by_its_age() -> None:
    watch = lookout("eu")
    watch.hear("eu", "a", 0, age_s=16)
    assert watch.blindness() == {}
    watch.listen(15)
    assert watch.blindness() == {"eu": "no agent heard for 15 s"}


def test_a_region_declared_later_has_as_long_as_any() -> None:
    watch = lookout("eu")
    watch.listen(100)
    watch.declare(["eu", "us"])
    watch.listen(10)
    assert "us" not in watch.blindness()
    watch.listen(5)
    assert watch.blindness()["us"] is not None


def test_undeclared_regions_are_nobodys_business() -> None:
    watch = lookout("eu")
    watch.hear("us", "a", 0)
    watch.listen(15)
    assert set(watch.blindness()) == {"eu"}


def test_only_differences_are_news() -> None:
    verdicts = {"a": "silent", "b": None, "c": "silent", "d": None}
    newly, sighted = differences(verdicts, frozenset({"c", "d", "e"}))
    assert newly == {"a": "silent"}
    assert sighted == {"d"}


def test_an_agent_whose_own_check_of_its_sight_fails_leaves_its_region_blind() -> None:
    lookout = Lookout()
    lookout.declare(["eu-west"])
    for _ in range(20):
        lookout.listen(1.0)
        lookout.hear("eu-west", "one", 0, failing="no reference answers")
    assert lookout.blindness() == {"eu-west": "its agents cannot see: no reference answers"}
    lookout.hear("eu-west", "two", 0)
    assert lookout.blindness() == {"eu-west": None}


def test_a_doubted_region_is_blind_while_it_is_doubted() -> None:
    lookout = Lookout()
    lookout.declare(["eu-west"])
    lookout.hear("eu-west", "one", 0)
    lookout.doubt({"eu-west": "finds 9 of 20 sites down that every other region finds up"})
    assert lookout.doubted == {"eu-west"}
    assert lookout.blindness() == {"eu-west": "finds 9 of 20 sites down that every other region finds up"}
    lookout.doubt({})
    assert lookout.blindness() == {"eu-west": None}
