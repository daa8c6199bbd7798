"""When a run for what is due begins on each replica: pure rules over times."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from apscheduler.triggers.cron import CronTrigger

from config import Every

# A run begins a little after its time; without some ease, an interval of a day would begin later each night until it
# fell out of the hours. So a run may come this part of its interval early, if that is when the hours begin.
_EASE_SHARE = 0.02
_MOST_EASE = timedelta(minutes=15)


class Open(Protocol):
    """When a replica may be read; `checks.hours.Hours` is one."""

    def is_open(self, now: datetime) -> bool: ...

    def next_open(self, now: datetime) -> datetime:
        """`now` itself, if they are open."""
        ...

    def opened_at(self, now: datetime) -> datetime | None:
        """When they opened that are open now; None if they are shut, or never were."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """How often a replica is to be read, and when that was last begun.

    Attributes:
        last_run_at: when the last run began that came to its end or to the limits set for it; None for never.
        asked: somebody asked for something of it to be read before all else, which waits for no hours.
    """

    name: str
    every: Every
    hours: Open
    grace: timedelta
    last_run_at: datetime | None
    asked: bool = False


def due_now(plans: Mapping[str, RunPlan] | Iterable[RunPlan], now: datetime, zone: tzinfo = UTC) -> tuple[str, ...]:
    """The names of the replicas whose run should begin now.

    A run that was missed (the machine was off, the clock stood) is late and is run, once, however often it was missed.
    A last run that lies in the future tells of a clock that was set back: then it is run too, rather than waited for.

    Args:
        zone: in which a cron line's hours are meant.
    """
    each = plans.values() if isinstance(plans, Mapping) else plans
    return tuple(plan.name for plan in each if next_run(plan, now, zone) <= now)


def next_run(plan: RunPlan, now: datetime, zone: tzinfo = UTC) -> datetime:
    """When the next run begins, aware UTC and never before `now`: `now` itself if it should begin at once."""
    if plan.asked:
        return now
    due = due_at(plan, zone)
    if due is None or due <= now or (plan.last_run_at is not None and plan.last_run_at > now):
        return plan.hours.next_open(now).astimezone(UTC)
    return due


def due_at(plan: RunPlan, zone: tzinfo = UTC) -> datetime | None:
    """When the run after the last one is to begin, within the hours; None if there was none, which is at once.

    A run outside the hours was for what somebody had asked for: the regular one comes when they open.
    """
    last = plan.last_run_at
    if last is None:
        return None
    if not plan.hours.is_open(last):
        return plan.hours.next_open(last).astimezone(UTC)
    if plan.every.interval is None:
        return plan.hours.next_open(_next_fire(plan.every, last, zone)).astimezone(UTC)
    due = _slot(plan, last, plan.every.interval) + plan.every.interval
    early = due - min(_EASE_SHARE * plan.every.interval, _MOST_EASE)
    return (due if plan.hours.is_open(early) else plan.hours.next_open(early)).astimezone(UTC)


def _slot(plan: RunPlan, last: datetime, interval: timedelta) -> datetime:
    """From when the interval counts: a run that began late in its hours, after an outage, is that of their beginning.

    Else every run after it would begin as late, and the hours before would be lost for good.
    """
    opened = plan.hours.opened_at(last)
    return last if opened is None or last - opened >= interval else opened


def _next_fire(every: Every, last: datetime, zone: tzinfo) -> datetime:
    trigger = CronTrigger.from_crontab(every.cron, timezone=zone)
    fire: datetime | None = trigger.get_next_fire_time(None, (last + timedelta(microseconds=1)).astimezone(zone))
    # A line that never fires again (31 February) is refused by the settings; should one come through, it is late.
    return last if fire is None else fire.astimezone(UTC)
