"""What a caller can be told went wrong: google.rpc.Status with one ErrorInfo of domain "quivive".

ApiError
  InvalidArgument     the request is wrong in itself; names the fields
  NotFound            there is nothing of that name
  FailedPrecondition  something has to be done before
  Unavailable         the database is away; the same request may succeed later
  DeadlineExceeded    it took too long
  Internal            our own fault; the log knows more
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
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
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})


class InvalidArgument(ApiError):
    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(ApiError):
    code = grpc.StatusCode.NOT_FOUND


class FailedPrecondition(ApiError):
    code = grpc.StatusCode.FAILED_PRECONDITION


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
    return status


async def abort(context: "grpc.aio.ServicerContext[object, object]", error: ApiError) -> NoReturn:
    """End the call with the error."""
    status = to_status(error)
    await context.abort(
        error.code, status.message, trailing_metadata=(("grpc-status-details-bin", status.SerializeToString()),)
    )


def _shortened(text: str) -> str:
    return text if len(text) <= 500 else text[:499] + "…"
