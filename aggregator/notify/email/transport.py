"""Sends mails by SMTP."""

from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from aggregator.notify.channels import Delivery
from aggregator.notify.email.mail import compose_mail, message_id
from aggregator.notify.errors import DeliveryError, PermanentFailure, TemporaryFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.settings import AggregatorSettings

log = structlog.get_logger(__name__)

TIMEOUT_S = 10.0
NOT_OUR_MAIL = (530, 534, 535, 538)
"""Refusals of who we are, which the operator mends without touching the mail."""


class Transport:
    """One SMTP conversation per mail."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._server = None if settings.smtp_url is None else _server(settings.smtp_url.get_secret_value())
        self._sender = settings.mail_from
        self._public_url = settings.public_url

    async def send(self, delivery: Delivery) -> None:
        """Send to all of the channel's addresses; whoever is refused alone is logged. Raises DeliveryError."""
        if self._server is None:
            raise TemporaryFailure("QUIVIVE_SMTP_URL is not set")
        locale = delivery.declared.get("locale", "en")
        mail = compose_mail(
            compose_delivery(delivery, locale, self._public_url),
            locale=locale,
            sender=self._sender,
            recipients=delivery.declared["to"],
            identity=message_id(delivery.event_key, delivery.channel, self._sender),
            answers=message_id(delivery.follows, delivery.channel, self._sender) if delivery.follows else None,
        )
        try:
            refused, _ = await aiosmtplib.send(mail, timeout=TIMEOUT_S, **self._server)
        except aiosmtplib.SMTPException as error:
            raise _failure(error) from None
        except (OSError, TimeoutError) as error:
            raise TemporaryFailure(f"the mail server cannot be reached: {error}") from None
        if refused:
            log.warning("recipients.refused", channel=delivery.channel, recipients=sorted(refused))

    async def close(self) -> None:
        """Nothing is held between mails."""


def _server(url: str) -> dict[str, Any]:
    """smtp:// takes STARTTLS when it is offered, smtps:// is TLS from the first byte."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    return {
        "hostname": parts.hostname,
        "port": parts.port or (465 if is_tls else 25),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "use_tls": is_tls,
    }


def _failure(error: aiosmtplib.SMTPException) -> DeliveryError:
    """Codes from 500 on are for good. Of several refused recipients one that may be taken later is enough to try again."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refusals):
            codes = [refusal.code for refusal in refusals]
            text = "; ".join(f"{refusal.recipient}: {refusal.code} {refusal.message}" for refusal in refusals)
        case aiosmtplib.SMTPResponseException(code=code, message=message):
            codes, text = [code], f"{code} {message}"
        case aiosmtplib.SMTPNotSupported():
            return PermanentFailure(str(error))
        case _:
            return TemporaryFailure(str(error) or type(error).__name__)
    if all(code >= 500 and code not in NOT_OUR_MAIL for code in codes):
        return PermanentFailure(text)
    return TemporaryFailure(text)
