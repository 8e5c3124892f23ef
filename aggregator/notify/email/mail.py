"""A message as an e-mail: the same in plain text and in HTML that is readable in the light and in the dark."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate
from hashlib import blake2b

from jinja2 import Environment, PackageLoader, select_autoescape

from aggregator.notify.messages import Message
from aggregator.notify.texts import words_of

_TEMPLATES = Environment(
    loader=PackageLoader("aggregator.notify.email", "templates"),
    autoescape=select_autoescape(enabled_extensions=("html.j2",), default_for_string=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def message_id(event_key: str, addressee: str, sender: str) -> str:
    """The same for the same event and addressee, so that a mail sent twice shows once."""
    digest = blake2b(f"{event_key}\n{addressee}".encode(), digest_size=12).hexdigest()
    return f"<{digest}@{sender.rpartition('@')[2]}>"


def compose_mail(
    message: Message, *, sender: str, recipients: Sequence[str], identity: str, answers: str | None
) -> EmailMessage:
    """The mail, with `identity` as its Message-ID; `answers` is the Message-ID of the mail that it follows up."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())  # a line break would end the header
    mail["From"] = f"Quivive <{sender}>"
    mail["To"] = ", ".join(recipients)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = identity
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Content-Language"] = message.locale
    if message.tone == "bad":
        mail["Importance"] = "high"
    if answers is not None:
        mail["In-Reply-To"] = mail["References"] = answers
    terms = {"message": message, "locale": message.locale, "words": words_of(message.locale)}
    mail.set_content(_TEMPLATES.get_template("message.txt.j2").render(terms))
    mail.add_alternative(_TEMPLATES.get_template("message.html.j2").render(terms), subtype="html")
    return mail
