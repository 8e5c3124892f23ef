"""What the api needs to know."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

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
    min_interval: Duration = Field(
        timedelta(seconds=10), gt=timedelta(0), description="Shortest interval a check may have, such as 10s"
    )
