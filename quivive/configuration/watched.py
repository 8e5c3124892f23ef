"""What a site and its checks say about what to look at, how, and what has to come back."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from quivive.configuration.declared import Declared, without_repetition
from quivive.configuration.values import (
    Flag,
    Grace,
    Headers,
    Host,
    Id,
    Instant,
    Interval,
    JobCron,
    Latency,
    NameServer,
    Period,
    Phrase,
    Port,
    SecretName,
    Status,
    Text,
    Timeout,
    Url,
)
from quivive.domain.dns import canonical

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
IpVersion = Annotated[
    Literal["any", "4", "6"], BeforeValidator(lambda value: str(value) if type(value) is int else value)
]
KINDS = ("url", "tcp", "dns", "heartbeat")
"""The keys that say what kind of check it is."""


class ExpectConfig(Declared):
    """What a good answer looks like."""

    status: Annotated[tuple[Status, ...], Field(max_length=50)] = ()
    """Accepted statuses after redirects, `2xx` and `200-299` among them; none named: 200 to 299."""
    body_contains: Phrase | None = None
    body_excludes: Phrase | None = None


class AuthConfig(Declared):
    """Who we say that we are; passwords and tokens are named, never written."""

    user: Text | None = None
    password: SecretName | None = None
    """Of `user`: name of a variable in the agents' environment."""
    bearer: SecretName | None = None
    """Instead of them: name of the variable that holds a token."""

    @model_validator(mode="after")
    def _is_basic_or_bearer(self) -> Self:
        if (self.user is None) != (self.password is None) or (self.user is None) == (self.bearer is None):
            raise ValueError("needs either user and password, or bearer")
        if self.user is not None and ":" in self.user:
            raise ValueError("a user name has no colon")
        return self


def _named_mode(value: object) -> object:
    """`drift: outage` for `drift: {mode: outage}`. Without quotes, off and on are truth values in YAML."""
    if isinstance(value, bool):
        return {"mode": "warning" if value else "off"}
    return {"mode": value} if isinstance(value, str) else value


class DriftConfig(Declared):
    """What a page that no longer resembles its own past is worth."""

    mode: Literal["off", "warning", "outage"] = "warning"
    since: Instant | None = None
    """What was learned about the page before this is forgotten."""


DriftChoice = Annotated[DriftConfig, BeforeValidator(_named_mode)]


class TcpConfig(Declared):
    """A connection, and what is said on it."""

    host: Host
    port: Port
    tls: Flag = False
    send: Phrase | None = None
    expect: Phrase | None = None


class DnsConfig(Declared):
    """A question to name servers."""

    name: Host
    record: Literal["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"] = "A"
    expect: Annotated[tuple[Phrase, ...], Field(max_length=50)] = ()
    exact: Flag = False
    """Nothing but the expected may be answered."""
    resolvers: Annotated[tuple[NameServer, ...], Field(max_length=10), AfterValidator(without_repetition)] = ()
    """Each must answer well; none named: the agents' own."""

    @model_validator(mode="after")
    def _expects_what_can_be_answered(self) -> Self:
        for answer in self.expect:
            canonical(self.record, answer)
        if self.exact and not self.expect:
            raise ValueError("exact needs something to expect")
        return self


class HeartbeatConfig(Declared):
    """A job that calls us: every `period`, or at the times of `cron` in the customer's zone."""

    period: Period | None = None
    cron: JobCron | None = None
    grace: Grace = timedelta(minutes=5)
    """How much later a call may come."""

    @model_validator(mode="after")
    def _has_one_rhythm(self) -> Self:
        if (self.period is None) == (self.cron is None):
            raise ValueError("needs either period or cron")
        return self


class Watched(Declared):
    """What a site and each of its checks can say about how to look."""

    url: Url | None = None
    interval: Interval | None = None
    regions: (
        Annotated[tuple[Id, ...], Field(min_length=1, max_length=32), AfterValidator(without_repetition)] | None
    ) = None
    """W; none named: every declared region."""
    max_latency: Latency | None = None
    ip: IpVersion | None = None
    """Which addresses to connect to; None: as for the site, and any at last."""
    method: Method = "GET"
    body: Annotated[str, Field(max_length=16 * 1024)] | None = None
    drift: DriftChoice | None = None
    """None: a warning where a page is got, and nothing is declared about it."""

    @model_validator(mode="after")
    def _sends_a_body_where_there_may_be_one(self) -> Self:
        if self.body is not None and self.method not in WITH_BODY:
            raise ValueError(f"a body needs a method of {', '.join(WITH_BODY)}")
        return self


class CheckConfig(Watched):
    """One more thing to look at for a site. What it leaves out about how to look is as for the site."""

    name: Id
    critical: Flag = True
    timeout: Timeout | None = None
    headers: Headers | None = None
    expect: ExpectConfig | None = None
    auth: AuthConfig | None = None
    tcp: TcpConfig | None = None
    dns: DnsConfig | None = None
    heartbeat: HeartbeatConfig | None = None

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"needs one of {', '.join(KINDS)}" + (f", not {' and '.join(kinds)}" if kinds else ""))
        strange = {
            "url": (),
            "tcp": ("headers", "expect", "auth", "method", "body", "drift"),
            "dns": ("headers", "expect", "auth", "method", "body", "drift"),
            "heartbeat": (
                *("headers", "expect", "auth", "method", "body", "drift"),
                *("interval", "timeout", "regions", "max_latency"),
            ),
        }[kinds[0]]
        for key in strange:
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} does not go with {kinds[0]}")
        return self
