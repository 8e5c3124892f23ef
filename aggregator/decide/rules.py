"""The rules by which an attempt's cause and evidence point at somebody. The first that fits counts; the order is part of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aggregator.decide.evidence import Witness
from quivive.domain.words import Cause, Responsibility, responsibility_for


@dataclass(frozen=True, slots=True)
class Rule:
    """`certainty` in 0 to 1 is that of the responsibility, given that the attempt saw what it saw."""

    name: str
    responsibility: Responsibility
    certainty: float
    because: str
    causes: frozenset[Cause]
    matches: Callable[[Witness], bool] = lambda _: True
    cause: Cause | None = None
    """What the evidence shows the cause to be; None keeps the attempt's."""

    def fits(self, witness: Witness) -> bool:
        return witness.cause in self.causes and self.matches(witness)


def _status(*statuses: int) -> Callable[[Witness], bool]:
    return lambda witness: witness.http_status in statuses


def _says(*texts: str) -> Callable[[Witness], bool]:
    return lambda witness: witness.says(*texts)


def _of(*causes: Cause) -> frozenset[Cause]:
    return frozenset(causes)


_HOST, _APPLICATION, _CERTIFICATE = Responsibility.HOST, Responsibility.APPLICATION, Responsibility.CERTIFICATE
_DNS, _CDN, _CUSTOMER = Responsibility.DNS_REGISTRAR, Responsibility.CDN_WAF, Responsibility.CUSTOMER
_AGENCY = Responsibility.AGENCY

_ANSWERED = _of(
    Cause.HTTP_STATUS_5XX,
    Cause.HTTP_STATUS_4XX,
    Cause.HTTP_STATUS_UNEXPECTED,
    Cause.CONTENT_MISSING,
    Cause.CONTENT_FORBIDDEN,
)
"""Causes that say little: what the page shows says more."""
_SERVER_ERROR = _of(Cause.HTTP_STATUS_5XX)
_REFUSAL = _of(Cause.HTTP_STATUS_4XX)
_CDN_ORIGIN = _of(Cause.CDN_ORIGIN)

_MAINTENANCE = (
    "briefly unavailable for scheduled maintenance",
    "indisponible pour cause de maintenance",
    "indisponible pour une maintenance",
)
_DATABASE = (
    "error establishing a database connection",
    "erreur lors de la connexion à la base de données",
    "error connecting to database",
)
_FATAL = (
    "there has been a critical error on this website",
    "il y a eu une erreur critique sur ce site",
    "fatal error:",
    "parse error:",
    "uncaught exception",
)
_SUSPENDED = ("account has been suspended", "account suspended", "compte suspendu", "site suspendu")

_SEEN = (
    Rule(
        *("page.maintenance", _AGENCY, 0.7, "the page is WordPress's own maintenance page, left by an update"),
        *(_ANSWERED, _says(*_MAINTENANCE), Cause.CONTENT_MAINTENANCE_MODE),
    ),
    Rule(
        *("page.database", _APPLICATION, 0.6, "the page says that it has lost its database"),
        *(_ANSWERED, _says(*_DATABASE), Cause.CONTENT_DATABASE_ERROR),
    ),
    Rule(
        *("page.fatal", _APPLICATION, 0.9, "the page shows an error of its own code"),
        *(_ANSWERED, _says(*_FATAL), Cause.CONTENT_FATAL_ERROR),
    ),
    Rule(
        *("page.suspended", _HOST, 0.7, "the host's page says that the account is suspended"),
        *(_ANSWERED, _says(*_SUSPENDED), Cause.CONTENT_SUSPENDED),
    ),
)

_EDGE = (
    Rule(
        "cdn.certificate",
        _CERTIFICATE,
        0.85,
        "the CDN refuses the origin's certificate",
        _CDN_ORIGIN,
        _status(525, 526),
    ),
    Rule("cdn.dns", _DNS, 0.7, "the CDN cannot resolve the origin's name", _CDN_ORIGIN, _status(530)),
    Rule("cdn.origin", _HOST, 0.85, "the CDN answers, the origin behind it does not", _CDN_ORIGIN),
    Rule(
        *("cdn.gateway", _HOST, 0.75, "the CDN answers in place of an origin that does not"),
        *(_SERVER_ERROR, lambda w: w.behind_cdn and w.http_status in (502, 504), Cause.CDN_ORIGIN),
    ),
    Rule(
        *("waf.refusal", _CDN, 0.6, "the refusal comes from a CDN or firewall in front of the site"),
        *(_REFUSAL, lambda w: w.behind_cdn and w.http_status in (401, 403, 406)),
    ),
    Rule(
        "waf.challenge",
        _CDN,
        0.9,
        "a firewall answers in the site's place",
        _of(Cause.CDN_CHALLENGE, Cause.RATE_LIMITED),
    ),
    Rule(
        *("cdn.redirects", _CDN, 0.6, "redirects in circles through a CDN mostly come of how it talks to the origin"),
        *(_of(Cause.HTTP_REDIRECT_LOOP, Cause.HTTP_TOO_MANY_REDIRECTS), lambda w: w.behind_cdn),
    ),
)

_HTTP = (
    Rule(
        "host.limit",
        _HOST,
        0.9,
        "the host says that a limit of the account is reached",
        _SERVER_ERROR,
        _status(507, 508, 509),
    ),
    Rule(
        "host.gateway",
        _HOST,
        0.75,
        "the web server answers, what it hands requests to does not",
        _SERVER_ERROR,
        _status(502, 504),
    ),
    Rule("host.unavailable", _HOST, 0.6, "the server says that it cannot serve now", _SERVER_ERROR, _status(503)),
    Rule(
        "application.error",
        _APPLICATION,
        0.5,
        "the server says that the page's code failed",
        _SERVER_ERROR,
        _status(500),
    ),
    Rule("customer.payment", _CUSTOMER, 0.6, "the host asks for payment", _REFUSAL, _status(402)),
    Rule("application.refusal", _APPLICATION, 0.6, "the server answers, and does not have or give the page", _REFUSAL),
)

_CONNECTION = (
    Rule("host.refused", _HOST, 0.9, "the machine is there and no web server listens", _of(Cause.TCP_REFUSED)),
    Rule("host.silent", _HOST, 0.8, "nothing answers at the address", _of(Cause.TCP_TIMEOUT, Cause.TCP_UNREACHABLE)),
    Rule("host.reset", _HOST, 0.7, "the server hangs up on connections", _of(Cause.TCP_RESET)),
    Rule(
        *("host.stalled", _HOST, 0.6, "the server takes connections and does not get to answering"),
        _of(
            *(Cause.HTTP_TIMEOUT, Cause.HTTP_NO_RESPONSE, Cause.HTTP_TOO_SLOW, Cause.HTTP_BODY_TIMEOUT),
            Cause.TLS_TIMEOUT,
        ),
    ),
    Rule(
        *("host.tls", _HOST, 0.6, "the certificate was not at issue: the server's TLS is"),
        _of(Cause.TLS_HANDSHAKE, Cause.TLS_ALERT, Cause.TLS_PROTOCOL),
    ),
    Rule("certificate.dates", _CERTIFICATE, 0.95, "its dates say so", _of(Cause.TLS_EXPIRED, Cause.TLS_NOT_YET_VALID)),
    Rule(
        *(
            "certificate.wrong",
            _CERTIFICATE,
            0.85,
            "the server shows a certificate that no browser takes for this name",
        ),
        _of(Cause.TLS_NAME_MISMATCH, Cause.TLS_UNTRUSTED, Cause.TLS_SELF_SIGNED, Cause.TLS_CHAIN_INCOMPLETE),
    ),
    Rule("dns.gone", _DNS, 0.9, "the name is in the DNS no more", _of(Cause.DNS_NXDOMAIN, Cause.DNS_NO_ADDRESS)),
    Rule("dns.failing", _DNS, 0.8, "the zone's name servers fail", _of(Cause.DNS_SERVFAIL, Cause.DNS_REFUSED)),
    Rule("dns.silent", _DNS, 0.6, "nobody answers for the zone", _of(Cause.DNS_TIMEOUT)),
)

_PAGES = (
    Rule("content.maintenance", _AGENCY, 0.7, "a maintenance page was left on", _of(Cause.CONTENT_MAINTENANCE_MODE)),
    Rule("content.fatal", _APPLICATION, 0.9, "the page shows an error of its own code", _of(Cause.CONTENT_FATAL_ERROR)),
    Rule(
        "content.default",
        _HOST,
        0.7,
        "the server shows its own page in place of the site's",
        _of(Cause.CONTENT_DEFAULT_PAGE),
    ),
    Rule("content.parked", _DNS, 0.8, "the domain leads to a parking page", _of(Cause.CONTENT_PARKED)),
)


def _by_layer() -> Iterator[Rule]:
    """For what no rule knows better: whoever usually answers for the layer that failed."""
    for cause in Cause:
        yield Rule("layer", responsibility_for(cause), 0.5, "who usually answers for this", _of(cause))


RULES: tuple[Rule, ...] = (*_SEEN, *_EDGE, *_HTTP, *_CONNECTION, *_PAGES, *_by_layer())
