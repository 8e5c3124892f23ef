"""The connection to the broker, for calls that need it: it comes some time after the start."""

from nats.aio.client import Client

from api.errors import Unavailable


class BusLink:
    """Empty until the broker was reached for the first time."""

    def __init__(self) -> None:
        self._client: Client | None = None

    def connected(self, client: Client) -> None:
        self._client = client

    def client(self) -> Client:
        """The connection. Unavailable while the broker is away."""
        if self._client is None or not self._client.is_connected:
            raise Unavailable("BROKER_UNAVAILABLE", "the broker is away at present", retry_s=1.0)
        return self._client
