"""Which tool a file comes from, and its reader."""

from collections.abc import Callable, Mapping
from pathlib import Path

from quivive.importing import kuma, mainwp, plain, uptimerobot
from quivive.importing.monitors import Monitor, Unreadable
from quivive.importing.spreadsheets import read_sheet

SOURCES: Mapping[str, Callable[[Path], list[Monitor]]] = {
    "uptime-kuma": kuma.read,
    "uptimerobot": uptimerobot.read,
    "mainwp": mainwp.read,
    "csv": plain.read,
}


def read(path: Path, source: str = "") -> tuple[str, list[Monitor]]:
    """The source, recognised by the file's content unless it is named, and what is in it. Unreadable says what is wrong."""
    if not path.is_file():
        raise Unreadable(f"{path}: is not a file" if path.exists() else f"{path}: does not exist")
    source = source or recognise(path)
    return source, SOURCES[source](path)


def recognise(path: Path) -> str:
    """A key of SOURCES."""
    try:
        with path.open("rb") as file:
            beginning = file.read(4096)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}") from None
    if beginning.startswith(kuma.MAGIC):
        return "uptime-kuma"
    if beginning.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"["):
        return "uptimerobot"
    sheet = read_sheet(path)
    if mainwp.fits(sheet):
        return "mainwp"
    return "uptimerobot" if uptimerobot.fits(sheet) else "csv"
