"""A message as an e-mail."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate
from hashlib import blake2b

from jinja2 import Environment, PackageLoader, select_autoescape

from aggregator.notify.messages import Message

_TEMPLATES = Environment(
    loader=PackageLoader("aggregator.notify.email", "templates"),
    autoescape=select_autoescape(enabled_extensions=("html.j2",), default_for_string=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def message_id(event_key: str, channel: str, sender: str) -> str:
    """The same for the same event and channel, so that a mail sent twice shows once."""
    digest = blake2b(f"{event_key}\n{channel}".encode(), digest_size=12).hexdigest()
    return f"<{digest}@{sender.rpartition('@')[2]}>"


def compose_mail(
    message: Message, *, locale: str, sender: str, recipients: Sequence[str], identity: str, answers: str | None
) -> EmailMessage:
    """The mail, with `identity` as its Message-ID; `answers` is the Message-ID of the mail that it follows up."""
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = identity
    mail["Auto-Submitted"] = "auto-generated"
    if answers is not None:
        mail["In-Reply-To"] = mail["References"] = answers
    terms = {"message": message, "locale": locale}
    mail.set_content(_TEMPLATES.get_template("message.txt.j2").render(terms))
    mail.add_alternative(_TEMPLATES.get_template("message.html.j2").render(terms), subtype="html")
    return mail
