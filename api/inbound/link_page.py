"""The page behind a link that acknowledges. Opening it does nothing, as scanners open every link: it asks, and waits for a POST."""

import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.acknowledgements import acknowledge
from api.database import Database
from api.errors import FailedPrecondition, InvalidArgument, NotFound
from api.inbound.routes import SQL, limited_body
from api.incidents import IncidentRow, read_incident
from api.phrases import phrases
from quivive.signing import BadToken, ExpiredToken, read_token

log = structlog.get_logger(__name__)

PURPOSE = "acknowledge"
MAX_FORM = 4096
STYLE = files("api.inbound").joinpath("acknowledge.css").read_text("utf-8")
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address is the permission
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "ask": "Take on the outage of {site}?",
        "ask_as": "Take it on as {person}",
        "ask_plain": "Take it on",
        "done": "{person} has taken it on",
        "done_lead": "Nobody else is called for it.",
        "over": "The outage of {site} is over",
        "over_lead": "There is nothing left to take on.",
        "expired": "This link has expired",
        "expired_lead": "Links are good for a week. Open the incident to see how it stands.",
        "unknown": "This link leads nowhere",
        "unknown_lead": "It was not made by this server, or it was cut short on its way.",
        "your_name": "Your name",
        "hint": "Whoever takes it on answers for it: nobody else is called any more.",
        "open": "Open the incident",
        "cause": "Cause",
        "since": "Down since",
        "regions": "Seen from",
        "taken": "Taken on at",
    },
    "fr": {
        "ask": "Prendre en charge la panne de {site} ?",
        "ask_as": "Prendre en charge en tant que {person}",
        "ask_plain": "Prendre en charge",
        "done": "{person} a pris la panne en charge",
        "done_lead": "Plus personne d’autre n’est appelé.",
        "over": "La panne de {site} est terminée",
        "over_lead": "Il n’y a plus rien à prendre en charge.",
        "expired": "Ce lien a expiré",
        "expired_lead": "Les liens sont valables une semaine. Ouvrez l’incident pour voir où il en est.",
        "unknown": "Ce lien ne mène nulle part",
        "unknown_lead": "Il n’a pas été créé par ce serveur, ou il a été tronqué en chemin.",
        "your_name": "Votre nom",
        "hint": "Qui prend en charge répond de la suite : plus personne d’autre n’est appelé.",
        "open": "Ouvrir l’incident",
        "cause": "Cause",
        "since": "En panne depuis",
        "regions": "Vu depuis",
        "taken": "Pris en charge à",
    },
}


class LinkPage:
    """The route below /acknowledge."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database, self._key = database, key
        self._template = Environment(
            loader=PackageLoader("api.inbound"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        ).get_template("acknowledge.html")

    def routes(self) -> list[Route]:
        return [Route("/acknowledge/{token}", self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        locale = "fr" if request.headers.get("accept-language", "").lower().startswith("fr") else "en"
        try:
            fields = read_token(self._key, PURPOSE, request.path_params["token"], int(time.time()))
            incident = await read_incident(self._database, fields["incident"])
        except ExpiredToken:
            return self._page(locale, "expired", 410)
        except (BadToken, KeyError, NotFound):
            return self._page(locale, "unknown", 404)
        person, locale = await self._person(fields.get("person"), locale)
        if request.method != "POST":
            return self._state(locale, incident, person)
        body = await limited_body(request, MAX_FORM)
        if body is None:
            return PlainTextResponse("too large\n", status_code=413, headers=HEADERS)
        if person is None:
            given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=5).get("name", [""])[0].strip()[:100]
            if not given:
                return self._state(locale, incident, None, status=400)
            person = f"{given} (by a link of {fields.get('channel', '?')})"
        try:
            first = await acknowledge(self._database, incident.incident_id, person, "link")
            log.info("incident.acknowledged", incident=incident.incident_id, via="link", first=first)
        except FailedPrecondition:
            pass
        except InvalidArgument:
            return self._state(locale, incident, None, status=400)
        return self._state(locale, await read_incident(self._database, incident.incident_id), person)

    async def _person(self, person: str | None, locale: str) -> tuple[str | None, str]:
        """The name of the person that the link was made out to, and the language they read."""
        if person is None:
            return None, locale
        async with self._database.transaction() as connection:
            found = await (await connection.execute(SQL["person"], {"person": person})).fetchone()
        return (found[0], found[1]) if found else (person, locale)

    def _state(self, locale: str, incident: IncidentRow, person: str | None, status: int = 200) -> Response:
        words, said = WORDS[locale], phrases(locale)
        site = incident.site_id
        facts = [
            (words["cause"], f"{said.cause(incident.cause)} ({incident.detail})"),
            (words["since"], _moment(incident.start_time)),
            (words["regions"], ", ".join(incident.regions)),
        ]
        if incident.acknowledge_time is not None:
            facts.append((words["taken"], _moment(incident.acknowledge_time)))
            title = words["done"].format(person=incident.acknowledge_person or person or "?")
            return self._page(locale, "done", 200, title=title, tone="good", facts=facts, incident=incident.incident_id)
        if incident.resolve_time is not None:
            title = words["over"].format(site=site)
            return self._page(locale, "over", 200, title=title, tone="good", facts=facts, incident=incident.incident_id)
        button = words["ask_as"].format(person=person) if person else words["ask_plain"]
        title = words["ask"].format(site=site)
        more: dict[str, Any] = {"asks": True, "asks_name": person is None, "button": button, "tone": "bad"}
        return self._page(locale, "", status, title=title, facts=facts, incident=incident.incident_id, **more)

    def _page(self, locale: str, name: str, status: int, **terms: Any) -> Response:
        words = WORDS[locale]
        known = {
            "title": words.get(name, ""),
            "lead": words.get(f"{name}_lead", ""),
            "tone": "",
            "facts": (),
            "asks": False,
            "asks_name": False,
            "button": "",
            "incident": "",
        }
        html = self._template.render(**{**known, **terms}, words=words, locale=locale, style=Markup(STYLE))  # noqa: S704  our own file
        return HTMLResponse(html, status_code=status, headers=HEADERS)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
