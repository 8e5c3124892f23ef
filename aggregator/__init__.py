"""The aggregator: consume, decide, persist, notify."""
