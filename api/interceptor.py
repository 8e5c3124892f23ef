"""Around every call: counts it, times it, holds it to its deadline and turns exceptions into statuses.

Nothing of an unexpected exception reaches the caller; the log has it with its trace.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import grpc
import structlog

from api import metrics
from api.errors import ApiError, DeadlineExceeded, Internal, abort

log = structlog.get_logger(__name__)

LONGEST_S = 60.0
"""A call without a deadline of its own gets this one."""

Context = grpc.aio.ServicerContext[Any, Any]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


class Interceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Unary calls of our own services; streaming ones (health watch, reflection) pass unchanged."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler":
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method
        # The types are those of the synchronous server.
        answer = cast(Callable[[Any, Context], Awaitable[Any]], handler.unary_unary)

        async def observed(request: Any, context: Context) -> Any:
            start = perf_counter()
            code = grpc.StatusCode.CANCELLED
            try:
                response = await _within_deadline(method, answer, request, context)
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
                metrics.REQUEST_SECONDS.labels(method).observe(perf_counter() - start)

        return grpc.unary_unary_rpc_method_handler(
            observed,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


async def _within_deadline(
    method: str, answer: Callable[[Any, Context], Awaitable[Any]], request: Any, context: Context
) -> Any:
    remaining = context.time_remaining()
    limit = LONGEST_S if remaining is None else min(remaining, LONGEST_S)
    try:
        async with asyncio.timeout(limit):
            return await answer(request, context)
    except (ApiError, grpc.aio.AbortError):
        raise
    except TimeoutError:
        raise DeadlineExceeded("TOO_SLOW", "the answer took longer than the deadline") from None
    except Exception as error:
        log.exception("request.failed", method=method)
        raise Internal("INTERNAL", "the server failed; its log says why") from error
