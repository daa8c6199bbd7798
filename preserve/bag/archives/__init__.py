"""Serialised bags: tar and zip, read as a tree and never unpacked."""
