"""Every site and how it stands, with its availability this month: the api from plain Python.

QUIVIVE_TOKEN=$(cat .quivive/token) python sites_sync.py
"""

import os
import sys
from datetime import UTC, datetime

import grpc

from quivive.v1 import outcome_pb2, site_pb2, site_pb2_grpc, sla_pb2, sla_pb2_grpc

TOKEN = [("authorization", f"Bearer {os.environ.get('QUIVIVE_TOKEN', '')}")]
MONTH = f"{datetime.now(UTC):%Y-%m}"

with grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051") as channel:
    sites, sla = site_pb2_grpc.SiteServiceStub(channel), sla_pb2_grpc.SlaServiceStub(channel)
    request = site_pb2.ListSitesRequest(page_size=1000, order_by="state")
    while True:
        page = sites.ListSites(request, metadata=TOKEN, timeout=10)
        for site in page.sites:
            query = sla_pb2.QuerySlaRequest(subject=site.name, month=MONTH)
            (figure,) = sla.QuerySla(query, metadata=TOKEN, timeout=10).figures
            known = f"{figure.availability:.3%}" if figure.HasField("availability") else "-"
            print(site.name, outcome_pb2.State.Name(site.state).removeprefix("STATE_"), known)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
