"""Real receivers of mails and webhooks that remember what came."""

import asyncio
import json
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from quivive.embedded.places import free_port

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Mail:
    time: datetime
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain text."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())


class MailSink:
    """An SMTP server that takes every mail, or answers `refuse_with` (such as "451 later") while that is set.

    With `tls` it speaks STARTTLS, with `implicit` TLS from the first byte; with `login` nobody gets in without. `greylists`
    so many mails before it takes one, `stalls` before it answers, refuses single `strangers`.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[Mail] = []
        self.refuse_with: str | None = None
        self.greylists = 0
        self.stalls = False
        self.strangers: dict[str, str] = {}
        self.rehearsals = 0
        """Conversations in which everything was said but the mail."""
        self.was_encrypted = False
        self._closing = threading.Event()
        more: dict[str, Any] = (
            {"ssl_context": tls} if implicit else {"tls_context": tls, "require_starttls": tls is not None}
        )
        if login is not None:
            more |= {
                "authenticator": self._authenticator(login),
                "auth_required": True,
                "auth_require_tls": not implicit,
            }
        self._controller = Controller(self, hostname=HOST, port=free_port(), enable_SMTPUTF8=True, **more)
        self._controller.start()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self._controller.port}"

    @staticmethod
    def _authenticator(login: tuple[str, str]) -> Any:
        def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
            known = (data.login.decode(), data.password.decode()) == login
            # A server that repeats what it was told: what we write of its refusal must not.
            return AuthResult(
                success=known, handled=False, message=None if known else f"535 not you: {data.password.decode()}"
            )

        return check

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.strangers:
            return self.strangers[address]
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.rehearsals += 1
        return "250 forgotten"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        while self.stalls and not self._closing.is_set():  # noqa: ASYNC110  set by the test's thread
            await asyncio.sleep(0.05)
        if self.greylists:
            self.greylists -= 1
            return "451 4.7.1 greylisted, come back later"
        if self.refuse_with is not None:
            return self.refuse_with
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.was_encrypted = session.ssl is not None
        self.mails.append(Mail(datetime.now(UTC), tuple(envelope.rcpt_tos), message))
        return "250 kept"

    def close(self) -> None:
        """Harmless to repeat."""
        if not self._closing.is_set():
            self._closing.set()
            self._controller.stop()


@dataclass(frozen=True, slots=True)
class Post:
    time: datetime
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class WebhookReceiver:
    """An HTTP server that takes every POST and answers `status`."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if receiver.status < 300:
                    receiver.posts.append(Post(datetime.now(UTC), self.path, headers, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="webhooks", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
