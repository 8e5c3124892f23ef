"""The vocabularies are those of the protos, number for number."""

from enum import IntEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from quivive.domain.words import Cause, Outcome, Responsibility, State, responsibility_for
from quivive.v1 import outcome_pb2


@pytest.mark.parametrize(
    ("words", "proto", "prefix"),
    [
        (Outcome, outcome_pb2.Outcome, "OUTCOME_"),
        (State, outcome_pb2.State, "STATE_"),
        (Cause, outcome_pb2.Cause, "CAUSE_"),
        (Responsibility, outcome_pb2.Responsibility, "RESPONSIBILITY_"),
    ],
)
def test_domain_and_proto_have_the_same_words(words: type[IntEnum], proto: EnumTypeWrapper, prefix: str) -> None:
    in_proto = {name.removeprefix(prefix): number for name, number in proto.items()}
    in_domain = {word.name: word.value for word in words}
    assert in_domain | {"UNSPECIFIED": 0} == in_proto


@pytest.mark.parametrize("cause", [cause for cause in Cause if 10 <= cause < 90])
def test_every_cause_of_an_outage_has_somebody_who_answers_for_it(cause: Cause) -> None:
    assert responsibility_for(cause) is not Responsibility.UNKNOWN


@pytest.mark.parametrize(
    ("cause", "responsibility"),
    [
        (Cause.DNS_NXDOMAIN, Responsibility.DNS_REGISTRAR),
        (Cause.TCP_REFUSED, Responsibility.HOST),
        (Cause.TLS_EXPIRED, Responsibility.CERTIFICATE),
        (Cause.HTTP_STATUS_5XX, Responsibility.HOST),
        (Cause.HTTP_STATUS_4XX, Responsibility.APPLICATION),
        (Cause.CDN_ORIGIN, Responsibility.HOST),
        (Cause.CDN_CHALLENGE, Responsibility.CDN_WAF),
        (Cause.CONTENT_DATABASE_ERROR, Responsibility.APPLICATION),
        (Cause.AGENT_FAULT, Responsibility.UNKNOWN),
    ],
)
def test_responsibility_follows_from_the_layer_that_failed(cause: Cause, responsibility: Responsibility) -> None:
    assert responsibility_for(cause) is responsibility
