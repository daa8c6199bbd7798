"""What `serve` says at its start and whenever it has read the settings again: what is promised, what is read when."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from config import Settings
from config.model import Limits
from config.windows import Window
from preserve.audit.schedule import RunPlan, next_run

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def announcement(settings: Settings, plans: Mapping[str, RunPlan], now: datetime, zone: tzinfo) -> Iterator[str]:
    """A line for each replica: what is promised, how often and within which hours it is read, when next."""
    yield f"settings: {settings.path}"
    if not plans:
        yield "there is no replica to read; add one with `preserve replica add NAME PATH`"
    for name, plan in plans.items():
        promise, limits = settings.promise("", name), settings.limits(name)
        yield (
            f"{name}: all read within {_length(promise.max_age)} (aimed at: {_length(promise.target_age)}), "
            f"{_every(plan)}, {hours_text(limits.hours)}{_limits(limits)}; next run: {_when(plan, now, zone)}"
        )
    for collection in settings.collections.values():
        own = [f"{_length(own)}" for own in (collection.own.max_age,) if own is not None]
        if own:
            yield f"collection {collection.name}: all read within {own[0]}"


def hours_text(hours: tuple[Window, ...]) -> str:
    """`at 22:00-06:00, sat,sun 00:00-24:00`, or that they are always open."""
    return f"at {', '.join(_window(window) for window in hours)}" if hours else "at any hour"


def _window(window: Window) -> str:
    days = "" if len(window.days) == len(_DAYS) else ",".join(_DAYS[day] for day in sorted(window.days)) + " "
    return f"{days}{_minute(window.start_minute)}-{_minute(window.stop_minute)}"


def _minute(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _limits(limits: Limits) -> str:
    told = ""
    if limits.budget_bytes is not None:
        told += f", at most {_size(limits.budget_bytes)} a run"
    if limits.budget_time is not None:
        told += f", at most {_length(limits.budget_time)} a run"
    if limits.rate_bytes_per_second is not None:
        told += f", {_size(limits.rate_bytes_per_second)}/s"
    return told


def _size(size_bytes: int) -> str:
    """In the largest unit of which it is one or more, as the settings are likely to have it."""
    power = min(5, (len(str(size_bytes)) - 1) // 3)
    return f"{size_bytes / 1000**power:,.6g} {_SIZES[power]}"


def _every(plan: RunPlan) -> str:
    return f"every {_length(plan.every.interval)}" if plan.every.interval is not None else f"by {plan.every.cron!r}"


def _when(plan: RunPlan, now: datetime, zone: tzinfo) -> str:
    begins = next_run(plan, now, zone)
    return "now" if begins <= now else f"{begins.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _length(time: timedelta) -> str:
    """As the settings write it: in the largest unit that divides it."""
    seconds = int(time.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
