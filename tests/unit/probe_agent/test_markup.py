import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_agent.drift import features
from probe_agent.markup import Tag, tags


def named(html: str) -> list[tuple[str, str, bool, str | None]]:
    return [(tag.name, tag.attributes, tag.closes, tag.inner) for tag in tags(html)]


def test_tags_come_in_order_and_raw_elements_as_one() -> None:
    html = "<!DOCTYPE html><TITLE>a < b</Title ><p class='x'>1 < 2<br/></p><script src=a>if (a<b) '<p>'</script><!-- <p> -->"
    assert named(html) == [
        ("", "", False, None),
        ("title", "", False, "a < b"),
        ("p", " class='x'", False, None),
        ("br", "/", False, None),
        ("p", "", True, None),
        ("script", " src=a", False, "if (a<b) '<p>'"),
        ("", "", False, None),
    ]


def test_what_is_not_closed_is_a_tag_like_any_other() -> None:
    assert named("<script><p><!-- <b>") == [
        ("script", "", False, None),
        ("p", "", False, None),
        ("", "", False, None),
    ]
    assert named("<p") == []
    assert named("< p></ p><>") == []


@given(st.text(alphabet=st.sampled_from("<>/!- scriptle"), max_size=300))
def test_tags_never_overlap_and_never_leave_the_page(html: str) -> None:
    place = 0
    for tag in tags(html):
        assert isinstance(tag, Tag)
        assert place <= tag.start < tag.end <= len(html)
        place = tag.end


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<script ",
            "<script>",
            "<a ",
            "<!-- ",
            "<!",
            "<title>",
            "</script ",
            "<b style='display:none'>",
            "<",
            "<a href='",
        ),
        "<b style='display:none'></i>",
    ],
)
def test_a_page_that_is_made_to_take_long_does_not(piece: str) -> None:
    features(piece * (1_000_000 // len(piece)), "https://www.example.com/")
