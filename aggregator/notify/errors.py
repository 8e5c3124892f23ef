"""Why a message could not be handed over.

DeliveryError
  TemporaryFailure    trying again later may help: the receiver is away or busy, or is not set up yet
  PermanentFailure    trying again would change nothing: it was refused for what it is
"""


class DeliveryError(Exception):
    """A channel did not take the message; the text is for the operator."""


class TemporaryFailure(DeliveryError):
    """Try again later."""


class PermanentFailure(DeliveryError):
    """Give up."""
