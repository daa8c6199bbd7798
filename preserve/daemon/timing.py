"""When the next look for what is due should be: pure rules over times."""

from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.triggers.cron import CronTrigger

from config import Every


def run_is_due(every: Every, last_run_at: datetime | None, now: datetime, zone: tzinfo = UTC) -> bool:
    """Whether a run should begin now.

    A run that was missed (the machine was off, the clock stood) is late and is run, once, however often it was missed.
    A last run that lies in the future tells of a clock that was set back: then it is run too, rather than waited for.

    Args:
        zone: in which a cron line's hours are meant.
    """
    if last_run_at is None or last_run_at > now:
        return True
    return next_run(every, last_run_at, zone) <= now


def next_run(every: Every, last_run_at: datetime, zone: tzinfo = UTC) -> datetime:
    """When the run after `last_run_at` is to begin, aware UTC."""
    if every.interval is not None:
        return last_run_at + every.interval
    assert every.cron is not None
    trigger = CronTrigger.from_crontab(every.cron, timezone=zone)
    fire = trigger.get_next_fire_time(None, (last_run_at + timedelta(microseconds=1)).astimezone(zone))
    # A line that never fires again (31 February) is refused by the settings; should one come through, it is late.
    return last_run_at if fire is None else fire.astimezone(UTC)


def tick_seconds(every: Every) -> float:
    """How often to look at the clock: often enough for short intervals, and never more than half a minute apart."""
    if every.interval is None:
        return 30.0
    return max(0.2, min(30.0, every.interval.total_seconds() / 4))
