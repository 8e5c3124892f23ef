"""The evidence log as anybody can verify it: hashes, entries, exports."""
