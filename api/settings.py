"""What the api needs to know."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from quivive.configuration.durations import parse_duration
from quivive.settings import DatabaseSettings, ServiceSettings

Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class ApiSettings(ServiceSettings, DatabaseSettings):
    """Settings of the api; health and metrics are on its web port."""

    grpc_port: int = Field(50051, ge=0, le=65535, description="Port of gRPC; 0 takes a free one")
    http_port: int = Field(8080, ge=0, le=65535, description="Port of the web pages; 0 takes a free one")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[!-~]+)?$",
        description="Where people and jobs reach the web pages, https://host[:port]",
    )
    heartbeat_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="What the addresses that jobs call are derived from, the same for every api; without it there are none",
    )
    link_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="Verifies the links that acknowledge, the same for aggregator and api; without it there are none",
    )
    min_interval: Duration = Field(
        timedelta(seconds=10), gt=timedelta(0), description="Shortest interval a check may have, such as 10s"
    )
    api_auth: Literal["required", "off"] = Field(
        "required",
        description="Whether gRPC and the JSON face ask for a token; off: whoever reaches them is an operator",
    )
    operator_token: SecretStr | None = Field(
        None, min_length=32, max_length=512, description="A token that is an operator's, beside those in the database"
    )
    operator_token_file: Path | None = Field(None, description="File that holds such a token")
    grpc_cert: Path | None = Field(None, description="PEM file of the certificate chain that gRPC shows; none: no TLS")
    grpc_key: Path | None = Field(None, description="PEM file of its private key")
    grpc_client_ca: Path | None = Field(
        None, description="PEM file of the authorities whose certificates clients must show; none: they need not"
    )
    api_rate: float = Field(200.0, gt=0, description="Calls a second that a token may make")
    api_burst: float = Field(400.0, ge=1, description="Calls that a token may make at once")

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.grpc_cert is None) != (self.grpc_key is None):
            raise ValueError("QUIVIVE_GRPC_CERT and QUIVIVE_GRPC_KEY go together")
        if self.grpc_client_ca is not None and self.grpc_cert is None:
            raise ValueError("QUIVIVE_GRPC_CLIENT_CA needs QUIVIVE_GRPC_CERT and QUIVIVE_GRPC_KEY")
        return self
