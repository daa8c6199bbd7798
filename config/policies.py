"""What is promised and what an audit may use, as each of the tables says it."""

from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from config import raw
from config.errors import ValueProblem
from config.lines import Key
from config.model import Audit, Limits, OwnPromise, Promise
from config.schedule import duration_text, parse_duration, parse_every
from config.sizes import parse_budget, parse_rate
from config.tables import Tables
from config.texts import quoted
from config.windows import parse_windows

_AUDIT = ("audit",)


def read_audit(tables: Tables) -> Audit:
    """The table for all, with the defaults."""
    table = tables.table(_AUDIT, raw.Audit)
    written = raw.MAX_AGE if table.max_age is None else table.max_age
    max_age = tables.valued((*_AUDIT, "max_age"), parse_duration, written)
    defaults = Limits(
        every=parse_every(raw.EVERY),
        hours=(),
        budget_bytes=None,
        budget_time=None,
        rate_bytes_per_second=None,
        concurrency=None,
        grace=min(parse_duration(raw.GRACE), max_age),
    )
    return Audit(
        promise=Promise(
            max_age=max_age,
            target_age=_target_age(tables, _AUDIT, table, max_age),
            evidence=table.evidence or raw.EVIDENCE,
        ),
        limits=read_limits(tables, _AUDIT, table, defaults),
        threads=table.threads,
        minimum_copies=table.minimum_copies,
        time_zone=None
        if table.time_zone is None
        else tables.valued((*_AUDIT, "time_zone"), _time_zone, table.time_zone),
    )


def read_own_promise(tables: Tables, key: Key, table: raw.Promised, base: Promise) -> OwnPromise:
    """What one table promises. Who sets one of the two ages sets both: the other follows from it, or is the base's."""
    if table.max_age is None and table.target_age is None:
        return OwnPromise(evidence=table.evidence)
    if table.max_age is None:
        max_age = base.max_age
    else:
        max_age = tables.valued((*key, "max_age"), parse_duration, table.max_age)
    return OwnPromise(max_age=max_age, target_age=_target_age(tables, key, table, max_age), evidence=table.evidence)


def read_limits(tables: Tables, key: Key, table: raw.Limited, base: Limits) -> Limits:
    """The limits of one table, with the base's where it has none of its own."""
    size, time = base.budget_bytes, base.budget_time
    if table.budget is not None:
        size, time = tables.valued((*key, "budget"), parse_budget, _listed(table.budget))
    return Limits(
        every=base.every if table.every is None else tables.valued((*key, "every"), parse_every, table.every),
        hours=base.hours
        if table.hours is None
        else tables.valued((*key, "hours"), parse_windows, _listed(table.hours)),
        budget_bytes=size,
        budget_time=time,
        rate_bytes_per_second=base.rate_bytes_per_second
        if table.rate is None
        else tables.valued((*key, "rate"), parse_rate, table.rate),
        concurrency=base.concurrency if table.concurrency is None else table.concurrency,
        grace=base.grace if table.grace is None else tables.valued((*key, "grace"), parse_duration, table.grace),
    )


def _target_age(tables: Tables, key: Key, table: raw.Promised, max_age: timedelta) -> timedelta:
    two_thirds = timedelta(seconds=int(max_age.total_seconds() * 2 / 3))  # a third is left for what comes between
    if table.target_age is None:
        return two_thirds
    target_age = tables.valued((*key, "target_age"), parse_duration, table.target_age)
    if target_age > max_age:
        raise tables.error(
            (*key, "target_age"),
            f"target_age {quoted(table.target_age)} is longer than "
            f"max_age {quoted(table.max_age or duration_text(max_age))}",
            "what is aimed at must not be later than what is promised: "
            f'write target_age = "{duration_text(two_thirds)}", or leave the line out, which means the same',
        )
    return target_age


def _time_zone(name: str) -> ZoneInfo:
    if name in ("Factory", "localtime", "posixrules") or name.startswith(("right/", "posix/")):
        # Not a place, another one on each machine, with leap seconds: times of day would be others than were meant.
        raise ValueProblem(f"{quoted(name)} names no place", 'write a name such as "Asia/Phnom_Penh", or "UTC"')
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, a path, no name at all
        known = available_timezones()
    if not known:
        raise ValueProblem(f"the time zone {quoted(name)} cannot be found, nor any other", "install the package tzdata")
    wanted = name.replace(" ", "_").lower()
    near = sorted(zone for zone in known if wanted and wanted in zone.lower())
    such = near[0] if near else "Asia/Phnom_Penh"
    raise ValueProblem(
        f"{quoted(name)} is no time zone", f'write a name such as "{such}" (`timedatectl list-timezones`)'
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
