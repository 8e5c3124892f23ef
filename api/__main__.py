"""`python -m api`: gRPC and the web pages, until SIGTERM or SIGINT."""

import asyncio
import signal
import sys

import uvloop

from api.serve import AddressTaken, serve
from api.settings import ApiSettings
from quivive import logs
from quivive.settings import EXIT_USAGE, load


async def run(settings: ApiSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def main() -> None:
    settings = load(ApiSettings)
    logs.configure("api", json=settings.log_json, level=settings.log_level)
    try:
        uvloop.run(run(settings))
    except AddressTaken as error:
        print(error, file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


if __name__ == "__main__":
    main()
