"""Settings of which each can be meant, but not all together; each is told with what would work."""

from datetime import timedelta

from config.cadence import cron_at_opening, ever_within, longest_gap
from config.errors import SettingsError
from config.lines import Key
from config.model import Limits, Settings
from config.raw import EVERY, GRACE
from config.schedule import Every, duration_text, parse_duration
from config.tables import Tables
from config.windows import longest_closed


def refuse_contradictions(settings: Settings, tables: Tables) -> None:
    """Raises SettingsError for the first replica whose schedule cannot keep what is promised of it.

    Each replica is judged by what holds there in the end; without any, the table for all is.
    """
    for replica in settings.replicas or ("",):
        limits = settings.limits(replica)
        _refuse_closed(limits, replica, tables)
        collection = min(("", *settings.collections), key=lambda name: settings.promise(name, replica).max_age)
        max_age = settings.promise(collection, replica).max_age
        _refuse_seldom(limits.every, max_age, replica, collection, tables)
        _refuse_rarely_open(limits, max_age, replica, collection, tables)
        _refuse_patience(limits.grace, max_age, replica, collection, tables)


def _refuse_closed(limits: Limits, replica: str, tables: Tables) -> None:
    if not ever_within(limits.every, limits.hours):
        raise _error(
            tables,
            _said("every", replica),
            f'every "{limits.every.cron}" never falls into the hours{_where(replica)}, so nothing would ever be read',
            f'write every = "{cron_at_opening(limits.hours[0])}", or an interval such as "{EVERY}"',
        )


def _refuse_seldom(every: Every, max_age: timedelta, replica: str, collection: str, tables: Tables) -> None:
    gap = longest_gap(every)
    if gap <= max_age:
        return
    written = every.cron or duration_text(gap)
    apart = f" (up to {duration_text(gap)} apart)" if every.cron else ""
    if not any(tables.written(key) for key in _said("every", replica)):
        apart = " (which holds where nothing else is set)"
    raise _error(
        tables,
        (*_said("every", replica), *_promised(replica, collection)),
        f'every "{written}"{apart} is longer than max_age "{duration_text(max_age)}"{_where(replica, collection)}',
        _shorter("every", EVERY, max_age),
    )


def _refuse_rarely_open(limits: Limits, max_age: timedelta, replica: str, collection: str, tables: Tables) -> None:
    closed = longest_closed(limits.hours)
    if closed <= max_age:
        return
    raise _error(
        tables,
        (*_said("hours", replica), *_promised(replica, collection)),
        f'the hours are closed for up to {duration_text(closed)}, and max_age is "{duration_text(max_age)}"'
        f"{_where(replica, collection)}",
        f'write hours that open more often, or max_age = "{duration_text(closed)}" or longer',
    )


def _refuse_patience(grace: timedelta, max_age: timedelta, replica: str, collection: str, tables: Tables) -> None:
    if grace <= max_age:
        return
    raise _error(
        tables,
        (*_said("grace", replica), *_promised(replica, collection)),
        f'grace "{duration_text(grace)}" is longer than max_age "{duration_text(max_age)}"'
        f"{_where(replica, collection)}: nobody would be told in time",
        _shorter("grace", GRACE, max_age),
    )


def _shorter(name: str, usual: str, max_age: timedelta) -> str:
    works = duration_text(min(parse_duration(usual), max_age))
    minutes, rest = divmod(max_age, timedelta(minutes=1))
    meant = minutes < 60 and not rest  # "3m" for three months
    months = (
        f' (m is minutes: {minutes} {"month is" if minutes == 1 else "months are"} "{30 * minutes}d")' if meant else ""
    )
    return f'write {name} = "{works}", or a longer max_age{months}'


def _said(name: str, replica: str) -> tuple[Key, ...]:
    """Where a limit may stand, the one that wins first."""
    return (("replica", replica, name), ("audit", name))


def _promised(replica: str, collection: str) -> tuple[Key, ...]:
    return (("collection", collection, "max_age"), ("replica", replica, "max_age"), ("audit", "max_age"))


def _where(replica: str, collection: str = "") -> str:
    named = [f"replica {replica}"] if replica else []
    named += [f'collection "{collection}"'] if collection else []
    return f" of {' and '.join(named)}" if named else ""


def _error(tables: Tables, keys: tuple[Key, ...], message: str, remedy: str) -> SettingsError:
    """At the first of the keys that the file sets: what it does not set cannot be corrected there."""
    return tables.error(next((key for key in keys if tables.written(key)), keys[-1]), message, remedy)
