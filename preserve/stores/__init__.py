"""Stores: the code that speaks to a replica, or to any folder that is read or written."""
