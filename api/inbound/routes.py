"""Takes what PagerDuty and Slack post. Whoever is not believed learns nothing, not even which channels there are."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.acknowledgements import acknowledge
from api.database import Database
from api.errors import FailedPrecondition, NotFound
from api.inbound import pagerduty, slack
from quivive import sql
from quivive.named_secrets import NoSecret, named_secret

log = structlog.get_logger(__name__)

SQL = sql.load("api.sql", "inbound.sql")
MAX_BODY = 256 * 1024


class Inbound:
    """The routes below /inbound."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        return [
            Route("/inbound/pagerduty/{channel}", self._pagerduty, methods=["POST"]),
            Route("/inbound/slack/{channel}", self._slack, methods=["POST"]),
        ]

    async def _pagerduty(self, request: Request) -> Response:
        channel = request.path_params["channel"]
        body = await limited_body(request, MAX_BODY)
        if body is None:
            return _said("too large", 413)
        secret = await self._secret(channel, "pagerduty", "webhook_secret")
        if secret is None or not pagerduty.is_signed(secret, body, request.headers.get("x-pagerduty-signature", "")):
            return _said("the signature is not ours", 401)
        try:
            taken = pagerduty.read_event(body)
        except ValueError:
            return _said("not an event", 400)
        if taken is None:
            return _said("noted", 202)
        found = await self._one("incident_of_key", {"key": taken.key, "channel": channel})
        if found is None:
            return _said("not an alert of ours", 202)
        name = await self._name("pagerduty", taken.user) or taken.name
        return await self._acknowledge(str(found[0]), name, "PagerDuty")

    async def _slack(self, request: Request) -> Response:
        channel = request.path_params["channel"]
        body = await limited_body(request, MAX_BODY)
        if body is None:
            return _said("too large", 413)
        secret = await self._secret(channel, "slack", "signing_secret")
        stamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if secret is None or not slack.is_signed(secret, body, stamp, signature, time.time()):
            return _said("the signature is not ours", 401)
        try:
            press = slack.read_press(body)
        except ValueError:
            return _said("not an interaction", 400)
        if press is None:
            return _said("", 200)
        told = await self._one("was_told", {"incident": press.incident, "channel": channel})
        if told is None or not told[0]:
            return _said("", 200)
        name = await self._name("slack", press.user) or f"@{press.name}"
        return await self._acknowledge(press.incident, name, "Slack", status=200)

    async def _acknowledge(self, incident: str, person: str, via: str, status: int = 202) -> Response:
        """What is over, or was taken on before, is no fault of whoever tells us. A database that is away is: they tell again."""
        try:
            first = await acknowledge(self._database, incident, person, via)
            log.info("incident.acknowledged", incident=incident, via=via, first=first)
        except (FailedPrecondition, NotFound):
            log.info("acknowledgement.came_late", incident=incident, via=via)
        return _said("" if status == 200 else "noted", status)

    async def _secret(self, channel: str, type_: str, name: str) -> bytes | None:
        found = await self._one("channel", {"channel": channel, "type": type_})
        declared: Mapping[str, Any] = found[0] if found else {}
        if name not in declared:
            return None
        try:
            return named_secret(declared[name]).encode()
        except NoSecret as error:
            log.warning("inbound.unset", channel=channel, reason=str(error))
            return None

    async def _name(self, type_: str, user: str) -> str | None:
        found = await self._one("person_by_contact", {"type": type_, "user": user}) if user else None
        return str(found[0]) if found else None

    async def _one(self, section: str, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
        async with self._database.transaction() as connection:
            found: tuple[Any, ...] | None = await (await connection.execute(SQL[section], row)).fetchone()
            return found


async def limited_body(request: Request, most: int) -> bytes | None:
    """The body; None when it is larger."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _said(text: str, status: int) -> Response:
    return PlainTextResponse(f"{text}\n" if text else "", status_code=status)
