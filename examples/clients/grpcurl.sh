#!/bin/sh
# The api by hand, with https://github.com/fullstorydev/grpcurl. Reflection is on: no proto files are needed.
#   QUIVIVE_TOKEN=$(cat .quivive/token) sh grpcurl.sh [127.0.0.1:50051]
set -eu
server="${1:-127.0.0.1:50051}"
call() { method="$1"; shift; grpcurl -plaintext -H "authorization: Bearer ${QUIVIVE_TOKEN:-}" "$@" "$server" "quivive.v1.$method"; }

grpcurl -plaintext "$server" list
grpcurl -plaintext "$server" describe quivive.v1.Site

call TokenService/GetCaller
call SiteService/ListSites -d '{"page_size": 50, "filter": "state = DOWN"}'
call SiteService/PauseSite -d '{"name": "sites/martin-www"}'
call SiteService/UpdateSite -d '{"site": {"name": "sites/martin-www", "interval": "60s"}, "update_mask": "interval"}'
call IncidentService/ListIncidents -d '{"subject": "customers/martin", "open_only": true}'
call SlaService/QuerySla -d '{"subject": "customers/martin", "month": "2026-03"}'
call IncidentService/WatchIncidents -d '{}' # until you press Ctrl-C
