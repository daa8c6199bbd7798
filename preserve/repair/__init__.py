"""Putting right what audits found: repair, quarantine, restore, and what may be deleted."""
