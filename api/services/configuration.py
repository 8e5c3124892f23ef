"""ConfigurationService: makes what is declared so, all or nothing, and says what is declared."""

import grpc

from api.apply.apply import Applier
from quivive.v1 import configuration_pb2, configuration_pb2_grpc


class ConfigurationService(configuration_pb2_grpc.ConfigurationServiceServicer):
    def __init__(self, applier: Applier) -> None:
        self._applier = applier

    async def ApplyConfiguration(
        self,
        request: configuration_pb2.ApplyConfigurationRequest,
        context: grpc.aio.ServicerContext[
            configuration_pb2.ApplyConfigurationRequest, configuration_pb2.ApplyConfigurationResponse
        ],
    ) -> configuration_pb2.ApplyConfigurationResponse:
        changes = await self._applier.apply(
            request.configuration, prune=request.prune, validate_only=request.validate_only
        )
        return configuration_pb2.ApplyConfigurationResponse(
            changes=[
                configuration_pb2.Change(
                    action=configuration_pb2.Change.Action.ValueType(change.action.value),
                    name=change.name,
                    fields=change.fields,
                )
                for change in changes
            ]
        )

    async def GetConfiguration(
        self,
        request: configuration_pb2.GetConfigurationRequest,
        context: grpc.aio.ServicerContext[
            configuration_pb2.GetConfigurationRequest, configuration_pb2.GetConfigurationResponse
        ],
    ) -> configuration_pb2.GetConfigurationResponse:
        text = await self._applier.declared(list(request.kinds), list(request.ids))
        return configuration_pb2.GetConfigurationResponse(configuration=text)
