"""The closed vocabularies. Numbers are those of `proto/quivive/v1/outcome.proto` and of the database; a test holds them equal."""

from enum import IntEnum


class Outcome(IntEnum):
    """What one attempt saw. Only UP and DOWN cast a vote."""

    UP = 1
    DOWN = 2
    BLOCKED = 3
    PROBE_ERROR = 4
    MISSED = 5


class State(IntEnum):
    """The state of a check or a site over a span of time."""

    UP = 1
    PARTIAL_OUTAGE = 2
    DOWN = 3
    UNKNOWN = 4
    PAUSED = 5


class Cause(IntEnum):
    """Why an attempt, and then an incident, is DOWN. Tens are the layer that failed."""

    UNSPECIFIED = 0
    DNS_NXDOMAIN = 10
    DNS_SERVFAIL = 11
    DNS_REFUSED = 12
    DNS_TIMEOUT = 13
    DNS_NO_ADDRESS = 14
    DNS_FORBIDDEN_ADDRESS = 15
    DNS_WRONG_ANSWER = 19
    TCP_REFUSED = 20
    TCP_TIMEOUT = 21
    TCP_RESET = 22
    TCP_UNREACHABLE = 23
    TCP_WRONG_ANSWER = 29
    TLS_EXPIRED = 30
    TLS_NOT_YET_VALID = 31
    TLS_NAME_MISMATCH = 32
    TLS_UNTRUSTED = 33
    TLS_HANDSHAKE = 34
    TLS_TIMEOUT = 35
    TLS_SELF_SIGNED = 36
    TLS_PROTOCOL = 37
    TLS_ALERT = 38
    TLS_CHAIN_INCOMPLETE = 39
    HTTP_TIMEOUT = 40
    HTTP_STATUS_5XX = 41
    HTTP_STATUS_4XX = 42
    HTTP_STATUS_UNEXPECTED = 43
    HTTP_REDIRECT_LOOP = 44
    HTTP_TRUNCATED = 45
    HTTP_MALFORMED = 46
    HTTP_TOO_SLOW = 47
    HTTP_NO_RESPONSE = 48
    HTTP_BODY_TIMEOUT = 49
    CDN_ORIGIN = 50
    CDN_CHALLENGE = 51
    RATE_LIMITED = 52
    CONTENT_MISSING = 60
    CONTENT_FORBIDDEN = 61
    CONTENT_EMPTY = 62
    CONTENT_DATABASE_ERROR = 63
    CONTENT_FATAL_ERROR = 64
    CONTENT_MAINTENANCE_MODE = 65
    CONTENT_DEFAULT_PAGE = 66
    CONTENT_INSTALLER = 67
    CONTENT_PARKED = 68
    CONTENT_DRIFTED = 69
    HEARTBEAT_SILENT = 70
    HEARTBEAT_FAILED = 71
    HTTP_REDIRECT_DOWNGRADE = 72
    HTTP_REDIRECT_FORBIDDEN = 73
    HTTP_TOO_MANY_REDIRECTS = 74
    HTTP_HEADERS_TOO_LARGE = 75
    CONTENT_SUSPENDED = 76
    AGENT_OVERLOADED = 90
    AGENT_FAULT = 91


class Responsibility(IntEnum):
    """Who has to act so that the site comes back."""

    HOST = 1
    DNS_REGISTRAR = 2
    CDN_WAF = 3
    CERTIFICATE = 4
    APPLICATION = 5
    CUSTOMER = 6
    THIRD_PARTY = 7
    AGENCY = 8
    UNKNOWN = 9


def responsibility_for(cause: Cause) -> Responsibility:
    """Who usually answers for a cause, before anyone knows better. By layer; content and jobs are the application's."""
    match cause // 10:
        case 1:
            return Responsibility.DNS_REGISTRAR
        case 2:
            return Responsibility.HOST
        case 3:
            return Responsibility.CERTIFICATE
        case 4:
            return Responsibility.HOST if cause in _HOSTS else Responsibility.APPLICATION
        case 5:
            return Responsibility.HOST if cause is Cause.CDN_ORIGIN else Responsibility.CDN_WAF
        case 6 | 7:
            return _OTHERS.get(cause, Responsibility.APPLICATION)
        case _:
            return Responsibility.UNKNOWN


_HOSTS = frozenset(
    {
        Cause.HTTP_STATUS_5XX,
        Cause.HTTP_TIMEOUT,
        Cause.HTTP_NO_RESPONSE,
        Cause.HTTP_TOO_SLOW,
        Cause.HTTP_BODY_TIMEOUT,
    }
)
_OTHERS = {
    Cause.CONTENT_DEFAULT_PAGE: Responsibility.HOST,
    Cause.CONTENT_PARKED: Responsibility.DNS_REGISTRAR,
    Cause.CONTENT_SUSPENDED: Responsibility.HOST,
}
