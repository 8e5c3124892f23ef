"""The web application: pages, their style, health and metrics."""

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from api import names
from api.errors import ApiError, InvalidArgument, NotFound
from api.heartbeats.calls import Calls
from api.status.routes import StatusRoutes
from api.web import heartbeats
from api.web.pages import STYLE, STYLE_TAG, Page, Pages

HEADERS = {
    # Nothing but our own style and drawn icons: a page that shows others' texts must not run or load anything.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def application(
    pages: Pages,
    status: StatusRoutes,
    not_ready: Callable[[], Awaitable[str | None]],
    calls: Calls | None = None,
    replies: Sequence[Route] = (),
) -> ASGIApp:
    """The application; `not_ready` says why the api cannot serve, None when it can; `calls` takes what jobs say; `replies`
    are the routes by which people and services acknowledge.
    """

    async def overview(request: Request) -> Response:
        return _answer(request, await pages.overview())

    async def incident(request: Request) -> Response:
        return _answer(request, await pages.incident(names.incident_id(f"incidents/{request.path_params['incident']}")))

    async def style(request: Request) -> Response:
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})

    async def livez(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        reason = await not_ready()
        return PlainTextResponse("ok\n") if reason is None else PlainTextResponse(f"{reason}\n", status_code=503)

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, NotFound | InvalidArgument) or (
            isinstance(error, HTTPException) and error.status_code == 404
        ):
            page = pages.problem("There is nothing here", "The address leads to no page of this server.")
            return HTMLResponse(page, status_code=404, headers=HEADERS)
        if isinstance(error, HTTPException):
            return PlainTextResponse(f"{error.detail}\n", status_code=error.status_code, headers=HEADERS)
        if isinstance(error, ApiError):
            page = pages.problem("Back in a moment", "The database is away. This page will try again by itself.")
            return HTMLResponse(page, status_code=503, headers={**HEADERS, "Retry-After": "5"})
        page = pages.problem("Something went wrong", "The fault is ours; the server's log has the details.")
        return HTMLResponse(page, status_code=500, headers=HEADERS)

    own = Starlette(
        routes=[
            Route("/", overview),
            Route("/incidents/{incident}", incident),
            Route(f"/static/quivive-{STYLE_TAG}.css", style),
            *heartbeats.routes(calls),
            *replies,
            *status.routes(),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        exception_handlers={HTTPException: refused, ApiError: refused, Exception: refused},
    )
    return status.hosts(own)


def _answer(request: Request, page: Page) -> Response:
    headers = {**HEADERS, "ETag": page.etag, "Cache-Control": "private, max-age=2"}
    if page.etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return HTMLResponse(page.html, headers=headers)
