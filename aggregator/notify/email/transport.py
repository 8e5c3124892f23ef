"""Sends mails by SMTP."""

from contextlib import suppress
from email.message import EmailMessage

import aiosmtplib
import structlog

from aggregator.notify.channels import Delivery
from aggregator.notify.email.mail import compose_mail, message_id
from aggregator.notify.email.servers import Server, server_for, server_of_url
from aggregator.notify.errors import DeliveryError, PermanentFailure, TemporaryFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import redact
from aggregator.notify.links import Links
from aggregator.settings import AggregatorSettings

log = structlog.get_logger(__name__)

TIMEOUT_S = 10.0
NOT_OUR_MAIL = (530, 534, 535, 538)
"""Refusals of who we are, which the operator mends without touching the mail."""


class Transport:
    """One SMTP conversation per mail."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._common = None if settings.smtp_url is None else server_of_url(settings.smtp_url.get_secret_value())
        self._sender = settings.mail_from
        self._links = Links(settings)

    async def send(self, delivery: Delivery) -> None:
        """Send to all of the channel's addresses, or to the person's; whoever is refused alone is logged. Raises DeliveryError."""
        declared = delivery.declared
        server = server_for(declared, self._common)
        sender = declared.get("sender", self._sender)
        recipients = [delivery.contact] if delivery.contact else list(declared["to"])
        mail = compose_mail(
            compose_delivery(delivery, self._links),
            sender=sender,
            recipients=recipients,
            identity=message_id(delivery.event_key, delivery.addressee, sender),
            answers=message_id(delivery.follows, delivery.addressee, sender) if delivery.follows else None,
        )
        try:
            if delivery.is_quiet:
                await _rehearse(server, sender, recipients)
            elif refused := await _hand_over(server, mail):
                log.warning("recipients.refused", channel=delivery.channel, recipients=refused)
        except aiosmtplib.SMTPException as error:
            raise failure_of(error, server.password) from None
        except (OSError, TimeoutError) as error:
            reason = redact(f"the mail server cannot be reached: {error}", [server.password or ""])
            raise TemporaryFailure(reason) from None

    async def close(self) -> None:
        """Nothing is held between mails."""


async def _hand_over(server: Server, mail: EmailMessage) -> list[str]:
    """Whom the server refused while it took the mail for others."""
    client = aiosmtplib.SMTP(timeout=TIMEOUT_S, **server.options())
    try:
        await client.connect()
        refused, _ = await client.send_message(mail)
    finally:
        await _leave(client)
    return sorted(refused)


async def _rehearse(server: Server, sender: str, recipients: list[str]) -> None:
    """All of a conversation but the mail: connect, encrypt, sign in, name the sender and everybody that it is for."""
    client = aiosmtplib.SMTP(timeout=TIMEOUT_S, **server.options())
    try:
        await client.connect()
        await client.mail(sender)
        for recipient in recipients:
            await client.rcpt(recipient)
        await client.rset()
    finally:
        await _leave(client)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Whatever it says to that changes nothing any more."""
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await client.quit(timeout=1.0)
    client.close()


def failure_of(error: aiosmtplib.SMTPException, password: str | None) -> DeliveryError:
    """Codes from 500 on are for good. Of several refused recipients one that may be taken later is enough to try again."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refusals):
            codes = [refusal.code for refusal in refusals]
            text = "; ".join(f"{refusal.recipient}: {refusal.code} {refusal.message}" for refusal in refusals)
        case aiosmtplib.SMTPResponseException(code=code, message=message):
            codes, text = [code], f"{code} {message}"
        case _:
            # A server without STARTTLS, or one that is not itself: the operator's to mend.
            return TemporaryFailure(redact(str(error) or type(error).__name__, [password or ""])[:500])
    text = redact(text, [password or ""])[:500]
    if all(code >= 500 and code not in NOT_OUR_MAIL for code in codes):
        return PermanentFailure(text)
    return TemporaryFailure(text)
