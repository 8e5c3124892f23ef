"""Sends by way of the Apprise library, in threads of its own; it is only loaded when there is something to send."""

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from urllib.parse import quote

from aggregator.notify.alerts import plain_text
from aggregator.notify.channels import Delivery
from aggregator.notify.errors import PermanentFailure, TemporaryFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import redact, secret_of
from aggregator.notify.links import Links
from aggregator.notify.messages import Message
from aggregator.notify.texts import words_of
from aggregator.settings import AggregatorSettings
from quivive.named_secrets import PREFIX

AT_ONCE = 4
TYPES = {"bad": "failure", "good": "success", "calm": "info"}


class Transport:
    """What Apprise sends twice arrives twice: none of its services knows our keys."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links = Links(settings)
        self._threads: ThreadPoolExecutor | None = None

    async def send(self, delivery: Delivery) -> None:
        """Send to the channel's URL; to a person by a URL of their own, or with their number in its `{contact}`."""
        message = compose_delivery(delivery, self._links)
        contact = delivery.contact
        if contact is not None and contact.startswith(PREFIX):
            url = secret_of(contact)
        else:
            url = secret_of(delivery.declared["url"])
            if contact is not None and "{contact}" not in url:
                raise PermanentFailure("the channel's URL has no {contact}, and so reaches nobody in particular")
            url = url.replace("{contact}", quote(contact or "", safe=""))
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, "apprise")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, notify, url, message, delivery.is_quiet)

    async def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def notify(url: str, message: Message, is_quiet: bool) -> None:
    """Blocks. Raises DeliveryError, with what Apprise said of it, without the secrets of the URL."""
    import apprise

    _quieten()
    sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Quivive", secure_logging=True, async_mode=False))
    with _Words() as words:
        if not sender.add(url):
            raise TemporaryFailure("the secret is not a URL that Apprise knows")
        if is_quiet:  # what is sent is seen, or heard: only see that the URL is one
            return
        lines = [plain_text(message, most=3000)]
        if message.acknowledge:
            lines += ["", f"{words_of(message.locale)['acknowledge']}: {message.acknowledge}"]
        done = sender.notify(title=message.subject, body="\n".join(lines), notify_type=TYPES[message.tone])
    if not done:
        parts = [part for part in re.split(r"[:/@?&=#,]+", url.partition("://")[2]) if len(part) > 3]
        said = redact(" ".join(words.said), [url, *parts])
        raise TemporaryFailure(f"Apprise could not deliver it: {said[:200] or 'no reason given'}")


def _quieten() -> None:
    """Neither Apprise nor the libraries below it may write of what they send, and where."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    for name in ("urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Words(logging.Handler):
    """What Apprise complains of in this call: its workers inherit the context, though not the thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if _CALL.get() is self:
            self.said.append(record.getMessage())

    def __enter__(self) -> "_Words":
        self._before = _CALL.set(self)
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
        _CALL.reset(self._before)


_CALL: ContextVar[_Words | None] = ContextVar("apprise_call", default=None)
