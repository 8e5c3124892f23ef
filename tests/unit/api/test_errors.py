"""Errors as they travel: small enough for every client, complete enough to act on."""

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from api.errors import InvalidArgument, NotFound, Violation, to_status


def test_a_status_carries_one_error_info() -> None:
    status = to_status(NotFound("SITE_NOT_FOUND", "there is no site a", metadata={"site": "a"}))
    (detail,) = status.details
    info = ErrorInfo()
    assert detail.Unpack(info)
    assert (info.domain, info.reason, dict(info.metadata)) == ("quivive", "SITE_NOT_FOUND", {"site": "a"})
    assert (status.code, status.message) == (grpc.StatusCode.NOT_FOUND.value[0], "there is no site a")


def test_violations_that_do_not_fit_a_trailer_are_counted() -> None:
    wrong = [Violation(f"sites[{n}].url", "x" * 10_000) for n in range(1000)]
    status = to_status(InvalidArgument("BAD_CONFIGURATION", "é" * 10_000, violations=wrong))
    # Clients take 8 KiB of trailers; the bytes travel as base64, the message percent-encoded.
    assert len(status.SerializeToString()) * 4 / 3 < 7 * 1024
    info, bad_request = ErrorInfo(), BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad_request)
    assert len(bad_request.field_violations) + int(info.metadata["violations_left_out"]) == 1000
    assert len(bad_request.field_violations) > 1
