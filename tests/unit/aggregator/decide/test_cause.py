"""Causes and who answers for them, from what the attempts saw."""

import pytest

from aggregator.decide.cause import judge
from aggregator.decide.evidence import Witness
from aggregator.decide.rules import RULES
from quivive.domain.words import Cause, Responsibility


def saw(region: str, cause: Cause, status: int = 0, *, at: int = 0, body: str = "", **headers: str) -> Witness:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Witness(region, 0, at, at, cause, status, f"{cause.name} at {at}", body=body, headers=named)


@pytest.mark.parametrize(
    ("witness", "cause", "responsibility"),
    [
        (saw("a", Cause.TCP_REFUSED), Cause.TCP_REFUSED, Responsibility.HOST),
        (saw("a", Cause.DNS_NXDOMAIN), Cause.DNS_NXDOMAIN, Responsibility.DNS_REGISTRAR),
        (saw("a", Cause.TLS_EXPIRED), Cause.TLS_EXPIRED, Responsibility.CERTIFICATE),
        (saw("a", Cause.HTTP_STATUS_5XX, 503), Cause.HTTP_STATUS_5XX, Responsibility.HOST),
        (saw("a", Cause.HTTP_STATUS_5XX, 500), Cause.HTTP_STATUS_5XX, Responsibility.APPLICATION),
        (saw("a", Cause.HTTP_STATUS_5XX, 508), Cause.HTTP_STATUS_5XX, Responsibility.HOST),
        (saw("a", Cause.HTTP_STATUS_5XX, 502, server="cloudflare"), Cause.CDN_ORIGIN, Responsibility.HOST),
        (saw("a", Cause.CDN_ORIGIN, 526), Cause.CDN_ORIGIN, Responsibility.CERTIFICATE),
        (saw("a", Cause.HTTP_STATUS_4XX, 403, cf_ray="1"), Cause.HTTP_STATUS_4XX, Responsibility.CDN_WAF),
        (saw("a", Cause.HTTP_STATUS_4XX, 404), Cause.HTTP_STATUS_4XX, Responsibility.APPLICATION),
        (saw("a", Cause.HTTP_STATUS_4XX, 402), Cause.HTTP_STATUS_4XX, Responsibility.CUSTOMER),
        (saw("a", Cause.CONTENT_MAINTENANCE_MODE), Cause.CONTENT_MAINTENANCE_MODE, Responsibility.AGENCY),
    ],
)
def test_an_attempt_points_at_who_has_to_act(witness: Witness, cause: Cause, responsibility: Responsibility) -> None:
    judgement = judge([witness], 3)
    assert (judgement.cause, judgement.responsibility) == (cause, responsibility)


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        ("<h1>Error establishing a database connection</h1>", Cause.CONTENT_DATABASE_ERROR),
        ("<b>Fatal error:</b> Uncaught Error", Cause.CONTENT_FATAL_ERROR),
        ("Briefly unavailable for scheduled maintenance. Check back", Cause.CONTENT_MAINTENANCE_MODE),
        ("This Account has been suspended.", Cause.CONTENT_SUSPENDED),
    ],
)
def test_what_the_page_says_refines_a_bare_status(page: str, cause: Cause) -> None:
    assert judge([saw("a", Cause.HTTP_STATUS_5XX, 503, body=page)], 3).cause is cause


def test_the_cause_is_what_most_regions_met_not_most_attempts() -> None:
    many = [saw("a", Cause.TCP_TIMEOUT, at=at) for at in range(5)]
    judgement = judge([*many, saw("b", Cause.TCP_REFUSED, at=1), saw("c", Cause.TCP_REFUSED, at=2)], 3)
    assert judgement.cause is Cause.TCP_REFUSED


def test_regions_that_point_elsewhere_lower_the_confidence() -> None:
    alike = judge([saw("a", Cause.TCP_REFUSED), saw("b", Cause.TCP_TIMEOUT, at=1)], 3)
    apart = judge([saw("a", Cause.TCP_REFUSED, at=1), saw("b", Cause.DNS_NXDOMAIN)], 3)
    assert alike.confidence > apart.confidence
    assert "points elsewhere" in apart.reason


def test_one_region_alone_is_less_sure() -> None:
    assert judge([saw("a", Cause.TCP_REFUSED)], 1).confidence == 0.72
    assert judge([saw("a", Cause.TCP_REFUSED)], 3).confidence == 0.9


def test_the_newest_attempt_of_the_cause_speaks() -> None:
    judgement = judge([saw("a", Cause.TCP_REFUSED, at=1), saw("a", Cause.TCP_REFUSED, at=2)], 3)
    assert judgement.speaking.detail == "TCP_REFUSED at 2"


@pytest.mark.parametrize("cause", list(Cause))
def test_some_rule_fits_every_cause(cause: Cause) -> None:
    judgement = judge([saw("a", cause)], 3)
    assert 0 < judgement.confidence <= 1
    assert judgement.rule in {rule.name for rule in RULES}


def test_rules_have_names_of_their_own() -> None:
    named = [rule.name for rule in RULES if rule.name != "layer"]
    assert len(named) == len(set(named))


def test_nobody_can_be_judged_by_nothing() -> None:
    with pytest.raises(ValueError, match="nobody"):
        judge([], 3)
