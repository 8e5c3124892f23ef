"""Renders the pages. The overview is made at most every two seconds, however many people look at it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from time import monotonic

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.database import Database
from api.phrases import phrases
from api.web.incident import EVENT_WORDS, read_incident_view
from api.web.overview import read_overview

FRESH_S = 2.0
REFRESH_S = 10
"""How often a page that is left open loads itself again."""

STYLE = files("api.web").joinpath("static", "quivive.css").read_bytes()
STYLE_TAG = blake2b(STYLE, digest_size=6).hexdigest()
"""Part of the style's address, so that it may be kept for ever."""


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered page and its entity tag."""

    html: str
    etag: str


class Pages:
    """The pages as text; raises NotFound and Unavailable."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._phrases = phrases("en")
        self._templates = Environment(
            loader=PackageLoader("api.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(style=f"/static/quivive-{STYLE_TAG}.css", refresh=REFRESH_S)
        self._templates.filters.update(clock=_clock, fine_clock=_fine_clock, moment=_moment, bare=_bare)
        self._lock = asyncio.Lock()
        self._overview: tuple[float, Page] | None = None
        """The page, and when it is to be made anew."""

    async def overview(self) -> Page:
        async with self._lock:
            begun = monotonic()
            if self._overview is None or begun >= self._overview[0]:
                view = await read_overview(self._database, self._phrases, self._clock())
                page = _page(self._templates.get_template("overview.html").render(view=view))
                ended = monotonic()
                # However many sites there are, making the page takes a tenth of our time at most.
                self._overview = (ended + max(FRESH_S, 9 * (ended - begun)), page)
            return self._overview[1]

    async def incident(self, incident: str) -> Page:
        view = await read_incident_view(self._database, self._phrases, incident, self._clock())
        template = self._templates.get_template("incident.html")
        return _page(template.render(view=view, event_words=EVENT_WORDS))

    def problem(self, title: str, text: str) -> str:
        """A page that says why there is no other."""
        return self._templates.get_template("problem.html").render(title=title, text=text)


def _page(html: str) -> Page:
    return Page(html, f'"{blake2b(html.encode(), digest_size=9).hexdigest()}"')


def _bare(url: str) -> str:
    """Without scheme and final slash, for people."""
    return url.partition("://")[2].removesuffix("/")


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def _fine_clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-5]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
