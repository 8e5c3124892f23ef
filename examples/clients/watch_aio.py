"""Every change of every incident, live, for as long as it runs: a stream that resumes where it ended, from asyncio.

QUIVIVE_TOKEN=$(cat .quivive/token) python watch_aio.py
"""

import asyncio
import os
import sys

import grpc

from quivive.v1 import incident_pb2, incident_pb2_grpc

TOKEN = (("authorization", f"Bearer {os.environ.get('QUIVIVE_TOKEN', '')}"),)


async def watch(server: str) -> None:
    request = incident_pb2.WatchIncidentsRequest()
    async with grpc.aio.insecure_channel(server) as channel:
        incidents = incident_pb2_grpc.IncidentServiceStub(channel)
        while True:
            try:
                async for message in incidents.WatchIncidents(request, metadata=TOKEN):
                    request.resume_token = message.resume_token or request.resume_token
                    if message.HasField("incident"):  # one that is open already
                        print("open", message.incident.site, message.incident.name, flush=True)
                    for change in message.changes.changes:
                        print(change.kind, change.current.site, change.incident, change.detail, flush=True)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
                    raise
                await asyncio.sleep(1)  # the server is being restarted, or we were too slow: go on from the token


asyncio.run(watch(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"))
