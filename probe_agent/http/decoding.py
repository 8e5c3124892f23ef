"""From a body's bytes to text: unpacked within limits, decoded as the response says."""

import codecs
import zlib
from collections.abc import Iterable, Iterator

MAX_LAYERS = 2
"""Encodings over each other; more is not meant to be read."""
PIECE_BYTES = 64 * 1024
"""What is unpacked at once: a bomb goes off in small pieces, and the reader stops after a few."""


class BadEncoding(Exception):
    """The body is not encoded as the response says."""


class _Inflate:
    """One layer of gzip or deflate."""

    def __init__(self, name: str) -> None:
        self._is_raw_possible = name == "deflate"
        # 32: gzip or zlib, as it begins.
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._name = name

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._unpacker.eof:
            try:
                piece = self._unpacker.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                if not self._is_raw_possible:
                    raise BadEncoding(f"not {self._name}: {error}") from error
                # Some servers say deflate and leave zlib's head out.
                self._is_raw_possible, self._unpacker = False, zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._is_raw_possible = False
            data = self._unpacker.unconsumed_tail
            if piece:
                yield piece

    @property
    def is_whole(self) -> bool:
        return self._unpacker.eof


class Decoder:
    """Takes the body's bytes, gives its text. BadEncoding when the response promises an encoding it does not keep."""

    def __init__(self, content_type: str, content_encoding: str) -> None:
        names = [name for part in content_encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
        if len(names) > MAX_LAYERS:
            raise BadEncoding(f"{len(names)} encodings over each other")
        for name in names:
            if name not in ("gzip", "x-gzip", "deflate"):
                raise BadEncoding(f"encoded as {name[:40]}, which was not asked for")
        self._layers = [_Inflate(name) for name in reversed(names)]
        self._decoder = codecs.getincrementaldecoder(_charset(content_type))("replace")
        self._fed = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The text of the next bytes, in pieces."""
        self._fed = self._fed or bool(data)
        pieces: Iterable[bytes] = (data,)
        for layer in self._layers:
            pieces = _through(layer, pieces)
        for piece in pieces:
            text = self._decoder.decode(piece)
            if text:
                yield text

    @property
    def is_whole(self) -> bool:
        """Whether what is packed has come to its own end; of an empty body nothing is missing."""
        return not self._fed or all(layer.is_whole for layer in self._layers)


def _through(layer: _Inflate, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from layer.feed(piece)


# The labels of the web's encodings, as Python knows them. A list, since Python remembers every name that it was ever asked for.
_CODECS = {
    **dict.fromkeys(("utf-8", "utf8", "unicode-1-1-utf-8"), "utf-8"),
    **dict.fromkeys(("us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252"), "cp1252"),
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-{page}": f"cp{page}" for page in (874, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{name: name for name in ("koi8-r", "koi8-u", "gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "euc-kr")},
    # Without a byte order mark Python's own "utf-16" refuses; on the web it means little-endian.
    **dict.fromkeys(("utf-16", "utf-16le"), "utf-16-le"),
    "utf-16be": "utf-16-be",
    "shift_jis": "shift_jis",
    "gb2312": "gbk",
    "iso-8859-9": "cp1254",
    "macintosh": "mac-roman",
    "latin2": "iso8859-2",
}


def _charset(content_type: str) -> str:
    """The codec that a Content-Type names; UTF-8 where it names none, or one that the web does not know."""
    for parameter in content_type.split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            return _CODECS.get(value.strip().strip("\"'").lower(), "utf-8")
    return "utf-8"
