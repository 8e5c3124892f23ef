"""What it takes to make the bucket like the database."""

from hypothesis import given
from hypothesis import strategies as st

from api.mirror import Entry, writes

KEYS = st.sampled_from(["1.1", "1.2", "2.3", "2.4"])
VALUES = st.sampled_from([b"a", b"b"])


@given(
    st.dictionaries(KEYS, VALUES),
    st.dictionaries(KEYS, st.builds(Entry, st.none() | VALUES, st.integers(1, 99))),
)
def test_the_writes_make_the_bucket_as_desired_and_touch_nothing_else(
    desired: dict[str, bytes], present: dict[str, Entry]
) -> None:
    after = {key: entry.value for key, entry in present.items() if entry.value is not None}
    for write in writes(desired, present):
        known = present.get(write.key, Entry(None, 0))
        assert write.revision == known.revision
        assert write.value != known.value
        if write.value is None:
            del after[write.key]
        else:
            after[write.key] = write.value
    assert after == desired
