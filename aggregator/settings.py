"""What the aggregator is told by its environment."""

from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from quivive.settings import DatabaseSettings, ServiceSettings


class AggregatorSettings(ServiceSettings, DatabaseSettings):
    """Settings of `python -m aggregator`; `migrate` reads only the database's."""

    model_config = SettingsConfigDict(env_prefix="QUIVIVE_", frozen=True, extra="ignore")

    smtp_url: SecretStr | None = Field(
        None, description="Mail server, smtp://user:password@host:port or smtps://...; without one mails wait"
    )
    mail_from: str = Field("quivive@localhost", description="Sender's address of every mail")
    public_url: str | None = Field(None, description="Where people open the web pages; linked from messages")
    link_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="Signs the links that acknowledge, the same for aggregator and api; without it messages have none",
    )
    deadman_urls: SecretStr | None = Field(
        None,
        description="Addresses that are called every minute while results become decisions and decisions messages, "
        "in the manner of Healthchecks; separated by spaces",
    )
    rdap_url: str | None = Field(
        None, description="An RDAP server to ask when domains expire; else each registry's own"
    )
    operator_timezone: str = Field("UTC", description="The zone of the two times below")
    digest_time: str = Field(
        "08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="When the daily digest of early warnings goes out"
    )
    drill_time: str = Field(
        "10:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="When every channel is tested, as far as its last hop",
    )
    pagerduty_url: str | None = Field(None, description="Instead of PagerDuty's own Events API, for tests and relays")
    jira_url: str | None = Field(None, description="Instead of https://api.atlassian.com, for tests and relays")
    slack_url: str | None = Field(None, description="Instead of https://slack.com, for tests and relays")

    @field_validator("operator_timezone")
    @classmethod
    def _operator_timezone_is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("must be an IANA name such as Europe/Paris")
        return value

    @field_validator("deadman_urls")
    @classmethod
    def _deadman_urls_are_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(
            u.startswith(("http://", "https://")) for u in value.get_secret_value().split()
        ):
            raise ValueError("must be addresses that start with http:// or https://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url_names_a_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must start with smtp:// or smtps://")
        return value
