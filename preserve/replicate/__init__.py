"""Replication: copy, read back past the cache, and only then record."""
