"""What a page amounts to."""

from hypothesis import given
from hypothesis import strategies as st

from probe_agent.checks import Check
from probe_agent.drift import EVERY_US, Drifts, features, simhash
from probe_agent.targets import Drift, HttpTarget
from quivive.domain.pages import PageBaseline, bits_apart

URL = "https://www.example.com/"
PAGE = """<!DOCTYPE html><html><head><TITLE>Bread &amp; more</TITLE>
<script src="https://cdn.example/a.js"></script><script src='/own.js'></script>
<script src=//Stats.Example/x.js async></script><script>document.write('<a href="https://x.example">')</script>
<!-- <a href="https://commented.example/">no</a> --></head>
<body><p>Fresh bread every day</p><a href="/about">About</a> <a href="https://example.com/shop">Shop</a>
<a href="https://friend.example/">A friend</a>
<div style="position:absolute; left:-9999px"><p><a href="https://pills.example/1">pills</a>
<a href="https://pills.example/2">more</a></p></div><span style="font-size:0.9em"><a href="/small">small</a></span></body></html>"""


def test_a_page_is_read_for_title_scripts_and_links() -> None:
    page = features(PAGE, URL)
    assert page.title == "Bread & more"
    assert page.script_hosts == ("cdn.example", "stats.example")
    assert page.outgoing_links == 3
    assert page.hidden_links == 2
    assert page.words == 9


def test_a_text_that_changes_a_little_keeps_most_of_its_hash() -> None:
    text = [f"word{number * 7919 % 1000}" for number in range(500)]
    other = [f"else{number * 7919 % 1000}" for number in range(500)]
    assert bits_apart(simhash(text), simhash([*text[:490], "fresh", "bread"])) < 10
    assert bits_apart(simhash(text), simhash(other)) > 20


@given(st.text(alphabet=st.sampled_from("<>/!-\"'= ahrefscriptdvtl:;%&\n"), max_size=500))
def test_no_page_is_too_broken_to_be_read(html: str) -> None:
    page = features(html, URL)
    assert page.hidden_links <= html.lower().count("<a")


def check(drift: Drift | None) -> Check:
    return Check(7, 1, "sites/s/checks/http", ("a",), 30_000_000, 10_000_000, 2, 0, HttpTarget(URL, drift=drift))


def test_a_page_is_read_whole_now_and_then_only() -> None:
    drifts, learning = Drifts(), check(Drift())
    assert not drifts.wants(check(None), 0)
    assert drifts.wants(learning, 0)
    page, strange = drifts.look(learning, PAGE, URL, 0)
    assert page == features(PAGE, URL)
    assert strange == []
    assert not drifts.wants(learning, EVERY_US - 1)
    assert drifts.wants(learning, EVERY_US)


def test_where_drift_is_an_outage_every_attempt_is_compared_and_told_of_sparsely() -> None:
    drifts, strict = Drifts(), check(Drift(outage=True, baseline=PageBaseline(("Something else",))))
    for now_us, told in ((0, True), (1, False)):
        assert drifts.wants(strict, now_us)
        page, strange = drifts.look(strict, PAGE, URL, now_us)
        assert (page is not None) is told
        assert any("title" in finding for finding in strange)
