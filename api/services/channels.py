"""ChannelService: where news goes, and whether it gets there."""

from typing import Any

import grpc

from api import names
from api.channels import Tested, read_channels, try_channel
from api.database import Database
from api.services.messages import timestamp
from quivive.v1 import channel_pb2, channel_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class ChannelService(channel_pb2_grpc.ChannelServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListChannels(
        self, request: channel_pb2.ListChannelsRequest, context: Context
    ) -> channel_pb2.ListChannelsResponse:
        return channel_pb2.ListChannelsResponse(
            channels=[
                channel_pb2.Channel(
                    name=f"channels/{row.channel_id}",
                    type=row.type,
                    audience=row.audience,
                    target=row.target,
                    last_sent_time=None if row.last_sent_time is None else timestamp(row.last_sent_time),
                    waiting=row.waiting,
                    last_error=row.last_error,
                    last_test=None if row.last_test is None else _test(row.last_test),
                )
                for row in await read_channels(self._database)
            ]
        )

    async def TestChannel(
        self, request: channel_pb2.TestChannelRequest, context: Context
    ) -> channel_pb2.TestChannelResponse:
        tested = await try_channel(self._database, names.channel_id(request.name))
        return channel_pb2.TestChannelResponse(test=_test(tested))


def _test(tested: Tested) -> channel_pb2.ChannelTest:
    return channel_pb2.ChannelTest(time=timestamp(tested.time), delivered=tested.delivered, reason=tested.reason)
