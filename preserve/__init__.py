"""Keeps proof that an archive's files are still the files it took in."""

__version__ = "0.1.0"
