"""What an agent counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("quivive_agent_attempts", "Attempts made, and slots missed, by outcome.", ["outcome"])
SLOT_LATENESS = Histogram(
    "quivive_agent_slot_lateness_seconds",
    "From a slot to its start.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
UNPUBLISHED = Gauge("quivive_agent_unpublished_results", "Results that the bus has not acknowledged.")
DROPPED = Counter("quivive_agent_dropped_results", "Results given up because too many were unpublished.")
CHECKS = Gauge("quivive_agent_checks", "Checks this agent looks after.")
CONFIRMATIONS = Counter("quivive_agent_confirmations", "Requests to check now, by what became of them.", ["result"])
