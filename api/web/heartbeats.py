"""The address that jobs call: /heartbeat/<token>, with /start, /fail or an exit code behind it; GET, HEAD or POST."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.errors import ApiError, NotFound
from api.heartbeats.addresses import PATH
from api.heartbeats.calls import MAX_DETAIL, Calls, read_call

MAX_TOKEN = 64
MAX_BODY_BYTES = 4 * MAX_DETAIL
"""What is sent beyond this is not read."""
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def routes(calls: Calls | None) -> list[Route]:
    """The routes; without `calls` every address is unknown."""

    async def call(request: Request) -> Response:
        token = request.path_params["token"]
        try:
            if calls is None or len(token) > MAX_TOKEN:
                raise NotFound("NO_SUCH_HEARTBEAT", "no job calls here")
            said = read_call(request.path_params.get("word", ""), await _body(request))
            await calls.take(token, said)
        except NotFound as error:
            return PlainTextResponse(f"{error.message}\n", 404, HEADERS)
        except ApiError as error:
            # `curl --retry` comes again for this.
            return PlainTextResponse(f"{error.message}\n", 503, {**HEADERS, "Retry-After": "5"})
        except ClientDisconnect:
            return Response(status_code=400)
        return PlainTextResponse("ok\n", headers=HEADERS)

    methods = ["GET", "HEAD", "POST"]
    return [
        Route(f"{PATH}{{token}}", call, methods=methods),
        Route(f"{PATH}{{token}}/{{word}}", call, methods=methods),
    ]


async def _body(request: Request) -> bytes:
    """The beginning of what is sent along."""
    if request.method != "POST":
        return b""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) >= MAX_BODY_BYTES:
            break
    return body[:MAX_BODY_BYTES]
