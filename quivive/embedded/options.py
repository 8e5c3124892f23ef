"""What `quivive up` was asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The flags of `quivive up`, as given."""

    config: Path | None
    """A configuration file or folder, applied at the start."""
    data_dir: Path
    bind: str
    public_url: str | None
    """How others reach the web pages; the local address when None."""
    grpc_port: int
    http_port: int
    regions: tuple[str, ...]
    demo: bool
    nats_url: str | None
    """An existing broker, instead of the embedded one."""
    database_url: str | None
    """An existing PostgreSQL or TimescaleDB, instead of the embedded one."""
    aggregators: int = 1
    """How many share the work."""
