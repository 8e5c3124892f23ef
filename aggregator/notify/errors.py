"""Why a message could not be handed over.

DeliveryError
  TemporaryFailure    trying again later may help: the receiver is away or busy, or is not set up yet
  PermanentFailure    trying again would change nothing: it was refused for what it is
"""


class DeliveryError(Exception):
    """A channel did not take the message; the text is for the operator."""


class TemporaryFailure(DeliveryError):
    """Try again later; not before `retry_after_s`, where the receiver named it."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class PermanentFailure(DeliveryError):
    """Give up."""
