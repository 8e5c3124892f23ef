"""What the aggregator counts and times, for /metrics."""

from prometheus_client import Counter, Histogram

RESULTS = Counter("quivive_aggregator_results", "Results taken from the bus and committed")
UNKNOWN_RESULTS = Counter("quivive_aggregator_unknown_results", "Results of checks that the database does not know")
COMMIT_SECONDS = Histogram(
    "quivive_aggregator_commit_seconds",
    "One micro-batch, from its first statement to the commit",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
TRANSITIONS = Counter("quivive_aggregator_transitions", "What the verdict said happened", ["kind"])
POISON = Counter("quivive_aggregator_poison", "Messages set aside because they could not be taken")
DELIVERIES = Counter("quivive_notify_deliveries", "Messages handed to channels", ["channel_type", "result"])
SEALED = Counter("quivive_aggregator_sealed_entries", "Entries appended to the evidence log")
