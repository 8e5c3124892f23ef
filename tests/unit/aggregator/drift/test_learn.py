"""Learning what a page is like from what regions agree on."""

from dataclasses import replace

from aggregator.drift.learn import ENOUGH, WAIT_US, Lesson, Sighting, learn
from aggregator.drift.messages import baseline_of, stored
from quivive.domain.pages import PageBaseline, PageFeatures, findings
from quivive.v1 import bus_pb2

NOW_US = 10 * WAIT_US
PAGE = PageFeatures("Boulangerie Martin", 0x0F0F, 400, ("cdn.example",), 12, 0)
DEFACED = replace(PAGE, title="HACKED", script_hosts=("evil.example",))


def seen(*regions: str, page: PageFeatures = PAGE, at_us: int = NOW_US) -> list[Sighting]:
    return [Sighting(region, at_us + number, page) for number, region in enumerate(regions)]


def taught(known: PageBaseline | None, sightings: list[Sighting], *, outage: bool = False, regions: int = 3) -> Lesson:
    return learn(known, sightings, regions=regions, outage=outage, now_us=NOW_US)


def known() -> PageBaseline:
    baseline = taught(None, seen(*"abcabc")).known
    assert baseline is not None
    return baseline


def test_a_baseline_takes_enough_sightings_that_agree() -> None:
    assert taught(None, seen(*"abcab")).known is None
    assert findings(known(), PAGE) == []
    assert findings(known(), DEFACED)


def test_one_region_alone_teaches_nothing_where_others_look() -> None:
    assert taught(None, seen(*"a" * ENOUGH)).known is None
    assert taught(None, seen(*"a" * ENOUGH), regions=1).known is not None


def test_drift_that_one_region_sees_is_not_told() -> None:
    lesson = taught(known(), seen("a", "a", page=DEFACED))
    assert lesson == Lesson(known())


def test_drift_that_two_regions_see_is_told_once_and_then_known() -> None:
    lesson = taught(known(), seen("a", "b", page=DEFACED))
    assert any("evil.example" in finding for finding in lesson.strange)
    assert lesson.known is not None
    assert findings(lesson.known, DEFACED) == []
    assert taught(lesson.known, seen("a", "b", page=DEFACED)).strange == ()


def test_where_drift_is_an_outage_it_is_neither_told_nor_learned() -> None:
    lesson = taught(known(), seen("a", "b", page=DEFACED), outage=True)
    assert lesson.strange == ()
    assert lesson.known == known()


def test_a_page_that_moves_a_little_is_followed() -> None:
    moved = replace(PAGE, text_hash=0x0F0F ^ 0x3F, title="Boulangerie Martin, Lyon")
    lesson = taught(known(), seen("a", "b", page=moved))
    assert lesson.known is not None
    assert lesson.known.text_hash == moved.text_hash
    assert lesson.known.titles == ("Boulangerie Martin", "Boulangerie Martin, Lyon")
    assert lesson.strange == ()


def test_what_nobody_agreed_with_in_time_is_forgotten() -> None:
    old = seen("a", page=DEFACED, at_us=NOW_US - WAIT_US - 10)
    assert taught(known(), old).done == tuple(old)


def test_a_baseline_merges_with_the_spec_that_it_is_appended_to() -> None:
    baseline, part = stored(known())
    assert baseline_of(baseline) == known()
    spec = bus_pb2.CheckSpec(id=7, http=bus_pb2.HttpTarget(url="https://a.example/", drift=bus_pb2.Drift(outage=True)))
    merged = bus_pb2.CheckSpec.FromString(spec.SerializeToString() + part)
    assert merged.http.url == "https://a.example/"
    assert merged.http.drift.outage
    assert merged.http.drift.baseline.titles == ["Boulangerie Martin"]
