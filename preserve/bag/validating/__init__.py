"""Judging a bag against RFC 8493: structure, payload, tag files."""
