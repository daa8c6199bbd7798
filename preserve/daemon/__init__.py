"""The schedule: APScheduler is the ticker, the catalog knows what is due, one process leads."""
