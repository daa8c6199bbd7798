"""Executors: where shards are read. Threads here; elsewhere, later, a cluster."""
