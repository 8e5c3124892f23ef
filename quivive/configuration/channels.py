"""Where news goes: a class for each type of channel. Secrets are named here, and read by whoever sends."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from quivive.configuration.declared import Declared, without_repetition
from quivive.configuration.values import Email, Host, Id, Port, Text, Url, VariableName

Locale = Literal["fr", "en"]
Audience = Literal["incidents", "operations", "digest"]

_SECRET = re.compile(r"QUIVIVE_SECRET_[A-Z0-9_]{1,80}")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONVERSATION = re.compile(r"[CDGU][A-Z0-9]{5,20}|#[^\s#]{1,80}")


def _check_secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        raise ValueError(
            "must be the name of a variable in the environment of aggregator and api, such as QUIVIVE_SECRET_CHAT; "
            "the secret itself does not belong here"
        )
    return value


def _check_topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise ValueError(f"{value[:64]!r} is not a topic: 1 to 64 letters, digits, _ and -")
    return value


def _check_conversation(value: str) -> str:
    if not _CONVERSATION.fullmatch(value):
        raise ValueError(f"{value[:80]!r} is neither a Slack id such as C024BE91L nor a name such as #alerts")
    return value


ChannelSecret = Annotated[str, AfterValidator(_check_secret)]
Topic = Annotated[str, AfterValidator(_check_topic)]
Conversation = Annotated[str, AfterValidator(_check_conversation)]


class _Channel(Declared):
    """Where news goes: incidents are outages of sites, operations what concerns the operator (a blind region), digest the daily
    mail of early warnings, which operations include."""

    id: Id
    audience: Annotated[tuple[Audience, ...], Field(min_length=1), AfterValidator(without_repetition)] = (
        "incidents",
        "operations",
    )
    locale: Locale = "en"
    """The language of what is sent to all; people are written to in their own."""


class MailServerConfig(Declared):
    """A mail server of the channel's own, instead of the one of QUIVIVE_SMTP_URL."""

    host: Host
    port: Port | None = None
    """587 for starttls, 465 for tls, 25 for none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """Certificates are verified; without encryption nobody signs in."""
    user: Text | None = None
    password: ChannelSecret | None = None

    @model_validator(mode="after")
    def _signs_in_safely(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("needs both user and password, or neither")
        if self.password is not None and self.security == "none":
            raise ValueError("sends no password without encryption: take starttls or tls")
        return self


class EmailChannelConfig(_Channel):
    type: Literal["email"]
    to: Annotated[tuple[Email, ...], Field(min_length=1, max_length=50)]
    sender: Email | None = None
    """Instead of QUIVIVE_MAIL_FROM."""
    server: MailServerConfig | None = None


class WebhookChannelConfig(_Channel):
    type: Literal["webhook"]
    url: Url
    secret: VariableName
    """Name of the environment variable that holds the key of the HMAC."""
    template: Literal["quivive", "zendesk", "helpscout", "grafana_irm"] = "quivive"
    """Whom the body is written for."""
    authorization: ChannelSecret | None = None
    """Of the whole Authorization header: `Bearer ...`, `Basic ...`."""
    mailbox: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Help Scout: the number of the mailbox in which conversations begin."""
    requester: Email | None = None
    """Help Scout and Zendesk: on whose behalf a conversation begins."""

    @model_validator(mode="after")
    def _says_what_the_template_needs(self) -> Self:
        if self.template == "helpscout" and (self.mailbox is None or self.requester is None):
            raise ValueError("template helpscout needs mailbox and requester")
        return self


class PagerDutyChannelConfig(_Channel):
    type: Literal["pagerduty"]
    routing_key: ChannelSecret
    """Of an Events API v2 integration."""
    region: Literal["us", "eu"] = "us"
    webhook_secret: ChannelSecret | None = None
    """Of a v3 webhook subscription: what is acknowledged in PagerDuty is then acknowledged here."""


class JiraChannelConfig(_Channel):
    type: Literal["jira"]
    api_key: ChannelSecret
    """Of an API integration of a Jira Service Management operations team."""
    team: Text | None = None
    """Who gets the alerts, where the integration leaves it open."""


class SlackChannelConfig(_Channel):
    type: Literal["slack"]
    token: ChannelSecret | None = None
    """A bot's, with chat:write: messages change in place."""
    channel: Conversation | None = None
    webhook: ChannelSecret | None = None
    """The address of an incoming webhook, instead of token and channel."""
    signing_secret: ChannelSecret | None = None
    """Of the app: lets its button acknowledge."""

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if (self.token is None) == (self.webhook is None):
            raise ValueError("needs either token or webhook")
        if (self.token is None) != (self.channel is None):
            raise ValueError("channel goes with token, and token with channel")
        return self


class TeamsChannelConfig(_Channel):
    type: Literal["teams"]
    webhook: ChannelSecret
    """The address of a workflow `When a Teams webhook request is received`."""


class NtfyChannelConfig(_Channel):
    type: Literal["ntfy"]
    server: Url = "https://ntfy.sh"
    topic: Topic
    token: ChannelSecret | None = None


class AppriseChannelConfig(_Channel):
    type: Literal["apprise"]
    url: ChannelSecret
    """Of an Apprise URL: telephone calls, SMS, and a hundred services more."""


ChannelConfig = Annotated[
    EmailChannelConfig
    | WebhookChannelConfig
    | PagerDutyChannelConfig
    | JiraChannelConfig
    | SlackChannelConfig
    | TeamsChannelConfig
    | NtfyChannelConfig
    | AppriseChannelConfig,
    Field(discriminator="type"),
]
CHANNEL_MODELS: dict[str, type[Declared]] = {
    "email": EmailChannelConfig,
    "webhook": WebhookChannelConfig,
    "pagerduty": PagerDutyChannelConfig,
    "jira": JiraChannelConfig,
    "slack": SlackChannelConfig,
    "teams": TeamsChannelConfig,
    "ntfy": NtfyChannelConfig,
    "apprise": AppriseChannelConfig,
}
