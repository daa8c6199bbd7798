"""Shows: pure functions from rows to text and JSON. No queries, no clock, no files."""
