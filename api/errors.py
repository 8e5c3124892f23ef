"""What a caller can be told went wrong: google.rpc.Status with one ErrorInfo of domain "quivive".

ApiError
  InvalidArgument     the request is wrong in itself; names the fields
  Unauthenticated     nobody, or somebody we do not know, asks
  PermissionDenied    somebody asks for what they may not have
  NotFound            there is nothing of that name, or nothing that the caller may know of
  AlreadyExists       there is something of that name
  FailedPrecondition  something has to be done before
  Aborted             somebody else was first: read again, then try again
  OutOfRange          it was too long ago
  ResourceExhausted   too much, too fast or too slow; says when to come back
  Unavailable         the database is away; the same request may succeed later
  DeadlineExceeded    it took too long
  Internal            our own fault; the log knows more
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

DOMAIN = "quivive"
MAX_DETAIL_BYTES = 4096
"""Details travel in a trailer, and clients take no more than 8 KiB of those."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field, by its path in the request or in the configuration: `sites[3].customer`."""

    field: str
    description: str


class ApiError(Exception):
    """An answer other than a result. `reason` is UPPER_SNAKE and stable; the message is for people."""

    code: ClassVar[grpc.StatusCode]

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_s = retry_s
        """When the same request may succeed, where that is known."""


class InvalidArgument(ApiError):
    code = grpc.StatusCode.INVALID_ARGUMENT


class Unauthenticated(ApiError):
    code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(ApiError):
    code = grpc.StatusCode.PERMISSION_DENIED


class NotFound(ApiError):
    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(ApiError):
    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(ApiError):
    code = grpc.StatusCode.FAILED_PRECONDITION


class Aborted(ApiError):
    code = grpc.StatusCode.ABORTED


class OutOfRange(ApiError):
    code = grpc.StatusCode.OUT_OF_RANGE


class ResourceExhausted(ApiError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(ApiError):
    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(ApiError):
    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Internal(ApiError):
    code = grpc.StatusCode.INTERNAL


def invalid_field(field: str, reason: str, description: str) -> InvalidArgument:
    """A refusal of a single field."""
    return InvalidArgument(reason, f"{field}: {description}", violations=[Violation(field, description)])


def to_status(error: ApiError) -> Status:
    """The error as it travels. Violations that do not fit are counted in the metadata `violations_left_out`."""
    bad_request = BadRequest()
    left_out = 0
    for violation in error.violations:
        entry = BadRequest.FieldViolation(field=violation.field, description=_shortened(violation.description))
        if bad_request.ByteSize() + entry.ByteSize() > MAX_DETAIL_BYTES:
            left_out += 1
            continue
        bad_request.field_violations.append(entry)
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    if left_out:
        info.metadata["violations_left_out"] = str(left_out)
    # StatusCode.value is (number, text)
    status = Status(code=error.code.value[0], message=_shortened(error.message))
    status.details.add().Pack(info)
    if bad_request.field_violations:
        status.details.add().Pack(bad_request)
    if error.retry_s is not None:
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(round(error.retry_s * 1000))
        status.details.add().Pack(retry)
    return status


async def abort(context: "grpc.aio.ServicerContext[object, object]", error: ApiError) -> NoReturn:
    """End the call with the error."""
    status = to_status(error)
    await context.abort(
        error.code, status.message, trailing_metadata=(("grpc-status-details-bin", status.SerializeToString()),)
    )


def _shortened(text: str) -> str:
    return text if len(text) <= 500 else text[:499] + "…"
