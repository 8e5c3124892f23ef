"""What is posted, and where, for whom it is written. A template makes requests of a delivery, and a receipt of the answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aggregator.notify.channels import Delivery
from aggregator.notify.http import Answer
from aggregator.notify.messages import Message


@dataclass(frozen=True, slots=True)
class Request:
    """One exchange. `path` is put behind the channel's URL."""

    document: dict[str, Any]
    method: str = "POST"
    path: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """`requests` may be empty: there is nothing to say then."""

    requests: Callable[[Delivery, Message], Sequence[Request]]
    receipt: Callable[[Answer], str | None] = lambda answer: None
