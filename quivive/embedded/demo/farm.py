"""The demo's sites as one process: `python -m quivive.embedded.demo.farm DATA_DIR`."""

import asyncio
import signal
import sys
from pathlib import Path

from quivive.embedded.demo.addresses import site_port_name, trusted_path
from quivive.embedded.demo.certificates import Certificates
from quivive.embedded.demo.server import SiteServer
from quivive.embedded.demo.sites import SITES
from quivive.embedded.places import Places

TICK_S = 0.2


async def serve(places: Places) -> None:
    """Keep the sites open, and break and heal them by their schedules, until told to stop."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    certificates = Certificates(*(site.host for site in SITES if site.https))
    servers: dict[str, SiteServer] = {}
    for site in SITES:
        port = places.chosen_port(site_port_name(site.id))
        servers[site.id] = SiteServer(site.title, port, certificates if site.https else None, site.host)
    for server in servers.values():
        await server.open()
    certificates.write_trusted(trusted_path(places))
    opened = loop.time()
    troubles = dict.fromkeys(servers)
    while not stopping.is_set():
        for site in SITES:
            trouble = site.schedule.at(loop.time() - opened) if site.schedule else None
            if trouble is not troubles[site.id]:
                troubles[site.id] = trouble
                await servers[site.id].become(trouble)
                print(f"{site.id} {trouble.value if trouble else 'is well again'}", flush=True)
        try:
            await asyncio.wait_for(stopping.wait(), TICK_S)
        except TimeoutError:
            continue
    for server in servers.values():
        await server.close()


if __name__ == "__main__":
    asyncio.run(serve(Places(Path(sys.argv[1]))))
