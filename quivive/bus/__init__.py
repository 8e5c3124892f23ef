"""The broker: connecting, what must exist on it, and reading it in order without losing or doubling anything."""

from quivive.bus.connect import connect, disconnect, ensure_streams
from quivive.bus.mirror import Change, Mirror
from quivive.bus.reader import Delivery, Reader

__all__ = ["Change", "Delivery", "Mirror", "Reader", "connect", "disconnect", "ensure_streams"]
