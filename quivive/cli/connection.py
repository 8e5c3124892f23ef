"""Calls to the api over gRPC; its errors become one clear line each."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from quivive.cli.failures import EXIT_CONFLICT, EXIT_DENIED, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_USAGE, Failure
from quivive.cli.servers import Server, chosen

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
    """A channel to `server`, the option's value; within, every failing call ends as a Failure."""
    target = chosen(server)
    with channel_to(target) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise failure(error, target.address) from None


def channel_to(target: Server) -> grpc.Channel:
    """A channel that shows the target's token with every call."""
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.enable_http_proxy", 0),
        # A server that is gone without a word is noticed, if late: servers refuse more pings than these.
        ("grpc.keepalive_time_ms", 300_000),
    ]
    channel = (
        grpc.secure_channel(target.address, _credentials(target), options)
        if target.tls
        else grpc.insecure_channel(target.address, options)
    )
    return grpc.intercept_channel(channel, _Bearer(target.token)) if target.token else channel


def _credentials(target: Server) -> grpc.ChannelCredentials:
    profile = target.profile

    def read(path: str) -> bytes | None:
        try:
            return Path(path).expanduser().read_bytes() if path else None
        except OSError as error:
            raise Failure(f"{path}: cannot be read: {error.strerror}", EXIT_USAGE) from None

    ca = read(profile.ca or os.environ.get("QUIVIVE_CA_FILE", ""))
    return grpc.ssl_channel_credentials(ca, read(profile.key), read(profile.certificate))


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str]] | None
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


if TYPE_CHECKING:  # generic only in the stubs
    _Unary = grpc.UnaryUnaryClientInterceptor[Any, Any]
    _Stream = grpc.UnaryStreamClientInterceptor[Any, Any]
else:
    _Unary, _Stream = grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor


class _Bearer(_Unary, _Stream):
    """Adds the token to every call."""

    def __init__(self, token: str) -> None:
        self._header = ("authorization", f"Bearer {token}")

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def _with_token(self, details: Any) -> _Details:
        return _Details(
            details.method,
            details.timeout,
            [*(details.metadata or ()), self._header],
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )


def pages(call: Callable[[str], Page]) -> Iterator[Page]:
    """Every page, asked for when it is needed; `call` gets the page token."""
    token = ""
    while True:
        page = call(token)
        yield page
        token = page.next_page_token
        if not token:
            return


def failure(error: Any, address: str) -> Failure:
    """What went wrong, for whoever typed the command, with the exit code that says of what kind it is."""
    code, details = error.code(), " ".join((error.details() or "").split())
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            hint = "set --server or QUIVIVE_SERVER, or see `quivive profile`"
            return Failure(f"cannot reach the server at {address}: {_reason(details)} ({hint})", EXIT_UNREACHABLE)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failure(f"the server at {address} did not answer in time", EXIT_UNREACHABLE)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Failure(f"the server at {address} asks to wait: {details}", EXIT_UNREACHABLE)
        case grpc.StatusCode.UNIMPLEMENTED:
            return Failure(f"the server at {address} is too old for this command: {details}")
        case grpc.StatusCode.INVALID_ARGUMENT:
            violations, left_out = _violations(error)
            lines = [f"{field}: {reason}" if field else reason for field, reason in violations]
            return Refused("\n".join(lines) or details, violations, left_out)
        case grpc.StatusCode.UNAUTHENTICATED:
            hint = "set QUIVIVE_TOKEN or QUIVIVE_TOKEN_FILE, or see `quivive profile`"
            return Failure(f"the server at {address} does not know you: {details} ({hint})", EXIT_DENIED)
        case grpc.StatusCode.PERMISSION_DENIED:
            return Failure(details, EXIT_DENIED)
        case grpc.StatusCode.NOT_FOUND:
            return Failure(details, EXIT_NOT_FOUND)
        case grpc.StatusCode.ABORTED | grpc.StatusCode.ALREADY_EXISTS | grpc.StatusCode.FAILED_PRECONDITION:
            return Failure(details, EXIT_CONFLICT)
        case _:
            return Failure(f"the server at {address} failed: {code.name}: {details}")


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
