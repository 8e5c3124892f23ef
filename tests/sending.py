"""The sender of an aggregator as a process of its own, until SIGTERM: what it logs is what an aggregator logs."""

import asyncio
import signal

from aggregator import database
from aggregator.notify import channels
from aggregator.notify.sender import Sender
from aggregator.settings import AggregatorSettings
from quivive import logs
from quivive.settings import load


async def main() -> None:
    settings = load(AggregatorSettings)
    logs.configure("aggregator", json=settings.log_json, level=settings.log_level)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with (
        database.pool(settings.database_url.get_secret_value()) as pool,
        channels.open_all(settings) as transports,
    ):
        await Sender(pool, transports).run(stopping)


if __name__ == "__main__":
    asyncio.run(main())
