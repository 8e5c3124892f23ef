"""Status pages as they are sent, made at most every few seconds however many people look.

A page that is not quite fresh is sent as it is while one task makes it anew, so that a storm of visitors during an outage meets
memory and not the database; while the database is away the last page stays, and says of when it is.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from importlib.resources import files
from time import monotonic
from urllib.parse import urlsplit

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.database import Database
from api.errors import ApiError
from api.metrics import STATUS_READS
from api.phrases import phrases
from api.status.chart import HEIGHT, WIDTH
from api.status.content import View
from api.status.directory import StatusPage
from api.status.forms import as_atom, as_json, badge_colour
from api.status.reader import read_view

FRESH_S = 5.0
USABLE_S = 60.0
"""Sent while a newer one is made; what is older is waited for."""
REFRESH_S = 30
MOST_KEPT = 2_000

STYLE = files("api.status").joinpath("static", "status.css").read_bytes()
STYLE_TAG = blake2b(STYLE, digest_size=6).hexdigest()

log = structlog.get_logger(__name__)


class Form(Enum):
    """What a page is asked for as."""

    HTML = "text/html; charset=utf-8"
    JSON = "application/json"
    ATOM = "application/atom+xml; charset=utf-8"
    BADGE = "image/svg+xml"
    COLOURS = "text/css; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One form of a page, and its entity tag."""

    body: bytes
    form: Form
    etag: str


@dataclass(slots=True)
class _Kept:
    page: StatusPage
    sheets: Mapping[Form, Sheet]
    made_at: float


class StatusPages:
    """`sheet` raises Unavailable when there is nothing to show yet."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._making: dict[tuple[str, str], asyncio.Task[_Kept]] = {}
        self._templates = Environment(
            loader=PackageLoader("api.status"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(refresh=REFRESH_S, width=WIDTH, height=HEIGHT, style_tag=STYLE_TAG)

    async def sheet(self, page: StatusPage, address: str, form: Form) -> Sheet:
        """The page at `address` in one of its forms."""
        key = (page.customer, address)
        kept = self._kept.get(key)
        age = float("inf") if kept is None or kept.page != page else monotonic() - kept.made_at
        if kept is None or age > USABLE_S:
            try:
                kept = await asyncio.shield(self._make(key, page, address))
            except ApiError:
                if kept is None:
                    raise
        elif age > FRESH_S:
            self._make(key, page, address)
        return kept.sheets[form]

    def _make(self, key: tuple[str, str], page: StatusPage, address: str) -> asyncio.Task[_Kept]:
        """One task at a time for a page."""
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._made(key, page, address))
            self._making[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return task

    def _finished(self, key: tuple[str, str], task: asyncio.Task[_Kept]) -> None:
        self._making.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("status_page.kept", customer=key[0], error=str(error))

    async def _made(self, key: tuple[str, str], page: StatusPage, address: str) -> _Kept:
        STATUS_READS.inc()
        view = await read_view(self._database, page, self._clock())
        # Drawing a hundred sites takes tens of milliseconds, in which nobody else would be answered.
        sheets = await asyncio.to_thread(self._sheets, view, address)
        kept = _Kept(page, sheets, monotonic())
        self._kept.pop(key, None)
        self._kept[key] = kept
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept

    def _sheets(self, view: View, address: str) -> Mapping[Form, Sheet]:
        t = phrases(view.page.locale)
        colours = self._templates.get_template("colours.css").render(declared=view.page.declared)
        texts = {
            Form.HTML: self._templates.get_template("status.html").render(
                view=view, t=t, base=urlsplit(address).path, colours_tag=_tag(colours)
            ),
            Form.JSON: as_json(view),
            Form.ATOM: as_atom(view, address),
            Form.BADGE: self._templates.get_template("badge.svg").render(
                view=view, text=t.text(f"status.standing_{view.standing}"), colour=badge_colour(view)
            ),
            Form.COLOURS: colours,
        }
        return {form: Sheet(text.encode(), form, f'"{_tag(text)}"') for form, text in texts.items()}


def _tag(text: str) -> str:
    return blake2b(text.encode(), digest_size=9).hexdigest()
