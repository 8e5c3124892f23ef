"""Around every call: who asks and whether they may, how often, for how long; counts it, and turns exceptions into statuses.

1. The caller, by the token (`auth/gate.py`); their role against the table (`auth/permissions.py`); their rate.
2. The answer, within the deadline; a stream for as long as the caller listens.
3. A write is put down in the audit log, in its own transaction; one that made none gets one.

Nothing of an unexpected exception reaches the caller; the log has it with its trace.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import grpc
import structlog

from api import metrics
from api.auth import audit
from api.auth.callers import answer_to, caller
from api.auth.gate import Gate
from api.auth.limits import Buckets
from api.auth.permissions import Permission, permission_of
from api.database import Database
from api.errors import (
    ApiError,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    abort,
)

log = structlog.get_logger(__name__)

LONGEST_S = 60.0
"""A call without a deadline of its own gets this one."""
STALLED_S = 30.0
"""How long a watcher may leave a message unread."""
LARGEST = 256 * 1024
"""Bytes of a request; a configuration is larger, and has a limit of its own."""
LARGE = frozenset({"/quivive.v1.ConfigurationService/ApplyConfiguration"})

Context = grpc.aio.ServicerContext[Any, Any]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


class Interceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Unary calls and server streams; what is open to everybody (health, reflection) passes unchanged."""

    def __init__(self, gate: Gate, buckets: Buckets, database: Database) -> None:
        self._gate, self._buckets, self._database = gate, buckets, database

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler":
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or (permission := permission_of(method)).roles is None:
            return handler
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": _or_bytes(handler.response_serializer),
        }
        if handler.unary_unary is not None:
            # The types are those of the synchronous server.
            answer = cast(Callable[[Any, Context], Awaitable[Any]], handler.unary_unary)

            async def answered(request: Any, context: Context) -> Any:
                async def once() -> Any:
                    await self._admit(method, permission, request, context)
                    if not permission.writes:
                        return await _within_deadline(answer, request, context)
                    return await self._written(method, answer, request, context)

                return await _observed(method, context, once())

            return grpc.unary_unary_rpc_method_handler(answered, **coders)
        if handler.unary_stream is not None:
            stream = cast(Callable[[Any, Context], AsyncIterator[Any]], handler.unary_stream)

            async def streamed(request: Any, context: Context) -> None:
                async def through() -> None:
                    await self._admit(method, permission, request, context)
                    messages = stream(request, context)
                    try:
                        async for message in messages:
                            await _write(context, message)
                    finally:
                        await messages.aclose()  # type: ignore[attr-defined]  # they are all generators

                await _observed(method, context, through())

            return grpc.unary_stream_rpc_method_handler(streamed, **coders)
        return None  # type: ignore[return-value]  # nothing of ours streams requests; the caller is told UNIMPLEMENTED

    async def _admit(self, method: str, permission: Permission, request: Any, context: Context) -> None:
        metadata = dict(context.invocation_metadata() or ())
        shown = metadata.get("authorization")
        found = await self._gate.caller(shown if isinstance(shown, str) else None)
        if wait := self._buckets.take(found.token or found.person, time.monotonic()):
            raise ResourceExhausted("TOO_MANY_CALLS", f"too many calls: come back in {wait:.1f} s", retry_s=wait)
        assert permission.roles is not None
        if found.role not in permission.roles:
            name = found.role.name.lower()
            raise PermissionDenied("NOT_ALLOWED", f"a token of role {name} may not do this", metadata={"role": name})
        if method not in LARGE and request.ByteSize() > LARGEST:
            raise InvalidArgument("TOO_LARGE", f"the request is larger than {LARGEST // 1024} KiB")
        answer_to(found)

    async def _written(
        self, method: str, answer: Callable[[Any, Context], Awaitable[Any]], request: Any, context: Context
    ) -> Any:
        peer = str(context.peer() or "")
        with audit.noting(
            caller(),
            method.removeprefix("/"),
            resource=audit.resource_of(request),
            request=audit.summary(request),
            peer=peer[:100],
        ):
            if getattr(request, "validate_only", False):
                audit.dry()
            response = await _within_deadline(answer, request, context)
            if audit.pending():
                async with self._database.transaction():
                    pass
            return response


def _or_bytes(serializer: Callable[[Any], bytes] | None) -> Callable[[Any], bytes] | None:
    """What many watchers get is serialised once."""
    if serializer is None:
        return None
    return lambda message: message if type(message) is bytes else serializer(message)


async def _write(context: Context, message: Any) -> None:
    try:
        async with asyncio.timeout(STALLED_S):
            await context.write(message)
    except TimeoutError:
        raise ResourceExhausted(
            "TOO_SLOW_A_READER", f"nothing was read for {STALLED_S:.0f} s: resume with the last token", retry_s=1.0
        ) from None


async def _observed(method: str, context: Context, answer: Awaitable[Any]) -> Any:
    start = time.perf_counter()
    code = grpc.StatusCode.CANCELLED
    try:
        response = await _ours(method, answer)
        code = grpc.StatusCode.OK
        return response
    except ApiError as error:
        code = error.code
        await abort(context, error)
    except grpc.aio.AbortError:
        code = context.code() or grpc.StatusCode.UNKNOWN
        raise
    finally:
        metrics.REQUESTS.labels(method, code.name).inc()
        metrics.REQUEST_SECONDS.labels(method).observe(time.perf_counter() - start)


async def _ours(method: str, answer: Awaitable[Any]) -> Any:
    """The answer, or an error that may be told."""
    try:
        return await answer
    except (ApiError, grpc.aio.AbortError):
        raise
    except Exception as error:
        log.exception("request.failed", method=method)
        raise Internal("INTERNAL", "the server failed; its log says why") from error


async def _within_deadline(answer: Callable[[Any, Context], Awaitable[Any]], request: Any, context: Context) -> Any:
    remaining = context.time_remaining()
    limit = LONGEST_S if remaining is None else min(remaining, LONGEST_S)
    try:
        async with asyncio.timeout(limit):
            return await answer(request, context)
    except TimeoutError:
        raise DeadlineExceeded("TOO_SLOW", "the answer took longer than the deadline") from None
