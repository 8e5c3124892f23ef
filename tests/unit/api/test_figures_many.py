"""The columns' sweep gives what the sweep of one site after the other gives, to the microsecond."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sla_histories import SiteStory, stories

from api.figures import Durations, measure, timeline
from api.figures_many import Lives, Recorded, Spans, Windows, measure_many

NEVER = 2**62


def one_by_one(sites: list[SiteStory]) -> list[Durations]:
    return [measure(timeline(site.histories, site.maintenance, site.window)) for site in sites]


def all_at_once(sites: list[SiteStory]) -> list[Durations]:
    lives, recorded, spans = [], [], []
    for number, site in enumerate(sites):
        for history in site.histories:
            lives.append((number, history.start_us, NEVER if history.end_us is None else history.end_us))
            recorded += [
                (len(lives) - 1, span.start_us, NEVER if span.end_us is None else span.end_us, span.state.value)
                for span in history.spans
            ]
        spans += [(number, span.start_us, span.end_us) for span in site.maintenance]

    def columns(rows: list[tuple[int, ...]], width: int) -> list[np.ndarray]:
        return list(np.array(rows, np.int64).reshape(-1, width).T)

    windows = columns([(site.window.start_us, site.window.end_us) for site in sites], 2)
    return measure_many(
        Windows(*windows), Lives(*columns(lives, 3)), Recorded(*columns(recorded, 4)), Spans(*columns(spans, 3))
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(stories(), max_size=4))
def test_many_sites_at_once_are_as_one_by_one(sites: list[SiteStory]) -> None:
    assert all_at_once(sites) == one_by_one(sites)


def test_no_site_is_no_figure() -> None:
    assert all_at_once([]) == []
