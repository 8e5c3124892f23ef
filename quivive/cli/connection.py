"""Calls to the api over gRPC; its errors become one clear line each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from quivive.cli.failures import EXIT_USAGE, Failure

TIMEOUT_S = 30.0
PAGE = 1000
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

Page = TypeVar("Page", bound="_Page")


class _Page(Protocol):
    """What every List method answers with."""

    @property
    def next_page_token(self) -> str: ...


class Refused(Failure):
    """The server found the request wrong. `violations`: field and reason of each bad place, if it named any."""

    def __init__(self, message: str, violations: list[tuple[str, str]], left_out: int) -> None:
        super().__init__(message, EXIT_USAGE)
        self.violations = violations
        self.left_out = left_out
        """Bad places that did not fit into the answer."""


@contextmanager
def connected(server: str) -> Iterator[grpc.Channel]:
    """A channel to `server`; within, every failing call ends as a Failure."""
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(server, options) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise _failure(error, server) from None


def pages(call: Callable[[str], Page]) -> Iterator[Page]:
    """Every page, asked for when it is needed; `call` gets the page token."""
    token = ""
    while True:
        page = call(token)
        yield page
        token = page.next_page_token
        if not token:
            return


def _failure(error: Any, server: str) -> Failure:
    code, details = error.code(), " ".join((error.details() or "").split())
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return Failure(f"cannot reach the server at {server}: {_reason(details)} (set --server or QUIVIVE_SERVER)")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failure(f"the server at {server} did not answer in time")
        case grpc.StatusCode.UNIMPLEMENTED:
            return Failure(f"the server at {server} is too old for this command: {details}")
        case grpc.StatusCode.INVALID_ARGUMENT:
            violations, left_out = _violations(error)
            lines = [f"{field}: {reason}" if field else reason for field, reason in violations]
            return Refused("\n".join(lines) or details, violations, left_out)
        case grpc.StatusCode.NOT_FOUND | grpc.StatusCode.FAILED_PRECONDITION:
            return Failure(details)
        case _:
            return Failure(f"the server at {server} failed: {code.name}: {details}")


def _reason(details: str) -> str:
    """The last part of what gRPC says about a connection: "Connection refused (111)"."""
    return details.rsplit(": ", 1)[-1] if "ipv4" in details or "ipv6" in details else details


def _violations(error: Any) -> tuple[list[tuple[str, str]], int]:
    """Field and reason of each bad place that the status names, and how many it had no room for."""
    status = rpc_status.from_call(error)
    violations: list[tuple[str, str]] = []
    left_out = 0
    for detail in status.details if status is not None else ():
        bad_request, info = error_details_pb2.BadRequest(), error_details_pb2.ErrorInfo()
        if detail.Unpack(bad_request):
            violations += [(item.field, item.description) for item in bad_request.field_violations]
        elif detail.Unpack(info):
            left_out = int(info.metadata.get("violations_left_out", 0))
    return violations, left_out
