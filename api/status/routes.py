"""Where status pages are: /status/{customer} on our own host, / on the customer's."""

import base64
import binascii
import hmac
from collections import OrderedDict, deque
from time import monotonic
from urllib.parse import parse_qs

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.status.directory import Directory, StatusPage, bare_host
from api.status.pages import STYLE, STYLE_TAG, Form, Sheet, StatusPages
from quivive.named_secrets import NoSecret, named_secret

PATHS = {
    "": Form.HTML,
    "status.json": Form.JSON,
    "atom.xml": Form.ATOM,
    "badge.svg": Form.BADGE,
    "colours.css": Form.COLOURS,
}
STYLE_PATH = f"/static/quivive-status-{STYLE_TAG}.css"
WRONG_PASSWORDS, WINDOW_S = 10, 60.0
MOST_CLIENTS = 10_000
HEADERS = {
    # Nothing but our own style, and drawn or embedded pictures.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SHARED_HEADERS = {
    # The badge and the JSON are made for other people's pages.
    Form.BADGE: {"Cross-Origin-Resource-Policy": "cross-origin"},
    Form.JSON: {"Access-Control-Allow-Origin": "*"},
}

log = structlog.get_logger(__name__)


class StatusRoutes:
    """`routes` for our own host; `hosts` around the whole application for the customers'."""

    def __init__(self, directory: Directory, pages: StatusPages, public_url: str) -> None:
        self._directory = directory
        self._pages = pages
        self._public_url = public_url.rstrip("/")
        self._wrong: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def routes(self) -> list[Route]:
        return [
            Route("/status/{customer}", self._on_path),
            Route("/status/{customer}/{form}", self._on_path),
            Route(STYLE_PATH, _style),
            Route("/tls/ask", self._ask),
        ]

    def hosts(self, application: ASGIApp) -> ASGIApp:
        """Requests for a customer's host reach that customer's page and nothing else."""

        async def routed(scope: Scope, receive: Receive, send: Send) -> None:
            page = await self._host_of(scope) if scope["type"] == "http" else None
            if page is None:
                await application(scope, receive, send)
                return
            request = Request(scope, receive)
            await (await self._on_host(request, page))(scope, receive, send)

        return routed

    async def _host_of(self, scope: Scope) -> StatusPage | None:
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        return await self._directory.of_host(host)

    async def _on_host(self, request: Request, page: StatusPage) -> Response:
        path = request.url.path
        if path == STYLE_PATH:
            return await _style(request)
        form = PATHS.get(path.removeprefix("/"))
        if form is None or request.method not in ("GET", "HEAD"):
            return _nothing()
        return await self._answer(request, page, f"https://{page.declared.domain}/", form)

    async def _on_path(self, request: Request) -> Response:
        form = PATHS.get(request.path_params.get("form", ""))
        page = await self._directory.of_customer(request.path_params["customer"])
        if page is None or form is None:
            return _nothing()
        return await self._answer(request, page, f"{self._public_url}/status/{page.customer}/", form)

    async def _ask(self, request: Request) -> Response:
        """Whether a certificate may be had for a host, as Caddy's on_demand_tls asks: 200 or 404."""
        host = parse_qs(request.url.query).get("domain", [""])[0]
        page = await self._directory.of_host(bare_host(host)[:253])
        return _nothing() if page is None else PlainTextResponse("ok\n")

    async def _answer(self, request: Request, page: StatusPage, address: str, form: Form) -> Response:
        if form is not Form.COLOURS and (refusal := self._refusal(request, page)) is not None:
            return refusal
        sheet = await self._pages.sheet(page, address, form)
        caching = "public" if page.declared.access == "public" else "private"
        headers = {
            **HEADERS,
            **(SHARED_HEADERS.get(form, {}) if page.declared.access == "public" else {}),
            "ETag": sheet.etag,
            "Cache-Control": f"{caching}, max-age={86_400 if form is Form.COLOURS else 5}",
        }
        if not page.declared.indexed:
            headers["X-Robots-Tag"] = "noindex"
        if _has(request, sheet):
            return Response(status_code=304, headers=headers)
        return Response(sheet.body, media_type=None, headers={**headers, "Content-Type": form.value})

    def _refusal(self, request: Request, page: StatusPage) -> Response | None:
        """What is answered instead of the page to whoever does not know its password (RFC 7617)."""
        if page.declared.password is None:
            return None
        client = (page.customer, request.client.host if request.client else "")
        wrong = self._wrong.get(client, deque())
        while wrong and wrong[0] < monotonic() - WINDOW_S:
            wrong.popleft()
        if len(wrong) >= WRONG_PASSWORDS:
            return PlainTextResponse("too many wrong passwords\n", 429, {**HEADERS, "Retry-After": str(int(WINDOW_S))})
        given = _given_password(request)
        try:
            if given is not None and hmac.compare_digest(given, named_secret(page.declared.password).encode()):
                return None
        except NoSecret as error:
            log.error("status_page.has_no_password", customer=page.customer, error=str(error))
            return PlainTextResponse("this page is being set up\n", 503, {**HEADERS, "Retry-After": "60"})
        if given is not None:
            wrong.append(monotonic())
            self._wrong[client] = wrong
            self._wrong.move_to_end(client)
            while len(self._wrong) > MOST_CLIENTS:
                self._wrong.popitem(last=False)
        challenge = {"WWW-Authenticate": 'Basic realm="status", charset="UTF-8"', "Cache-Control": "no-store"}
        return PlainTextResponse("password required\n", 401, {**HEADERS, **challenge})


def _given_password(request: Request) -> bytes | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(token) > 1024:
        return None
    try:
        _, colon, password = base64.b64decode(token, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if colon else None


def _has(request: Request, sheet: Sheet) -> bool:
    return sheet.etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(","))


def _nothing() -> Response:
    """The same for what never was, what is not for the asker, and what a plan does not have."""
    return PlainTextResponse("there is nothing here\n", 404, HEADERS)


async def _style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})
