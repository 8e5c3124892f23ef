"""What an agent counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("quivive_agent_attempts", "Attempts made, and slots missed, by outcome.", ["outcome"])
SLOT_LATENESS = Histogram(
    "quivive_agent_slot_lateness_seconds",
    "From a slot to its start.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
UNPUBLISHED = Gauge("quivive_agent_unpublished_results", "Results that the bus has not acknowledged.")
DROPPED = Counter("quivive_agent_dropped_results", "Results given up because the spool was full, or they were too old.")
SPOOL_BYTES = Gauge("quivive_agent_spool_bytes", "Size of what the bus has not acknowledged.")
SLICES = Gauge("quivive_agent_slices", "Slices of the region's checks that are this agent's, of 256.")
SELF_CHECK_FAILING = Gauge("quivive_agent_self_check_failing", "1 while the references cannot be reached.")
OVERLOADED = Gauge("quivive_agent_overloaded", "1 while the agent cannot keep up.")
LOOP_LAG = Gauge("quivive_agent_event_loop_lag_seconds", "The longest wait for the event loop in the last ten seconds.")
DESCRIPTORS = Gauge("quivive_agent_open_descriptors", "File descriptors in use.")
AGGREGATOR_SILENCE = Gauge("quivive_agent_aggregator_silence_seconds", "Since the aggregator was heard last.")
ALARMS = Counter("quivive_agent_alarms", "Alarms that the agent raised itself, by what became of them.", ["result"])
CHECKS = Gauge("quivive_agent_checks", "Checks this agent looks after.")
CONFIRMATIONS = Counter("quivive_agent_confirmations", "Requests to check now, by what became of them.", ["result"])
