"""SEAL: what was concluded, chained by hash per customer (docs/evidence.md)."""
