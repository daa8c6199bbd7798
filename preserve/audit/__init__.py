"""Audits: recorded verifications. Plan, lease, read, judge, commit; and the verdict across copies."""
