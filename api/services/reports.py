"""ReportService: what a customer is shown about a month."""

import grpc

from api import names
from api.auth import scope
from api.report.report import Reporter
from quivive.v1 import report_pb2, report_pb2_grpc


class ReportService(report_pb2_grpc.ReportServiceServicer):
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    async def RenderReport(
        self,
        request: report_pb2.RenderReportRequest,
        context: grpc.aio.ServicerContext[report_pb2.RenderReportRequest, report_pb2.RenderReportResponse],
    ) -> report_pb2.RenderReportResponse:
        customer = names.customer_id(request.customer, "customer")
        scope.customer_asked_for(customer)
        return report_pb2.RenderReportResponse(html=await self._reporter.render(customer, request.month))
