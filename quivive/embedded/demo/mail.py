"""Takes every mail and delivers none: `python -m quivive.embedded.demo.mail PORT FOLDER` keeps each as a file."""

import asyncio
import signal
import sys
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from quivive.embedded.demo.addresses import HOST


class Sink:
    """Writes each mail into the folder and says so."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._count += 1
        content = envelope.original_content or b""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        path = self._folder / f"{stamp}-{self._count:04d}.eml"
        path.write_bytes(content)
        subject = make_header(decode_header(message_from_bytes(content).get("Subject", "(no subject)")))
        print(f"to {', '.join(envelope.rcpt_tos)}: {subject}  [{path.name}]", flush=True)
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """Listen until told to stop."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    sink = Sink(folder)
    server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True, loop=loop), HOST, port)
    await stopping.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
