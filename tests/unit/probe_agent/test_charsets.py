"""A body's text under every charset that a response may name."""

import pytest

from probe_agent.http.decoding import _CODECS, Decoder


@pytest.mark.parametrize("label", sorted(_CODECS))
def test_no_bytes_are_too_odd_for_a_charset(label: str) -> None:
    decoder = Decoder(f"text/html; charset={label}", "")
    for data in (b"\xff\xfe\x00", b"ab", bytes(range(256)), b"\x1b$B\xff", b""):
        assert all(isinstance(text, str) for text in decoder.feed(data))


def test_utf_16_without_a_mark_is_little_endian() -> None:
    assert "".join(Decoder("text/html; charset=utf-16", "").feed("été".encode("utf-16-le"))) == "été"
