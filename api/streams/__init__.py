"""Streams: one reader of changes per process, any number of watchers, and tokens to resume by."""
