"""The api's Prometheus metrics."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("quivive_api_requests", "Requests answered, by method and gRPC status code", ["method", "code"])
REQUEST_SECONDS = Histogram(
    "quivive_api_request_seconds",
    "Time to answer a request",
    ["method"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STATUS_READS = Counter("quivive_api_status_reads", "Times that a customer's status page was read from the database")
