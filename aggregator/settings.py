"""What the aggregator is told by its environment."""

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
    pagerduty_url: str | None = Field(None, description="Instead of PagerDuty's own Events API, for tests and relays")
    jira_url: str | None = Field(None, description="Instead of https://api.atlassian.com, for tests and relays")
    slack_url: str | None = Field(None, description="Instead of https://slack.com, for tests and relays")

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url_names_a_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must start with smtp:// or smtps://")
        return value
