"""Lengths of time (`90d`) and when something recurs (`6h`, or five cron fields).

Only parsing and validation; when a cron line runs next is computed where the clock is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from config.errors import ValueProblem
from config.texts import quoted

_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhdw])", re.ASCII)
_LONGEST = timedelta(days=36_525)  # a century; longer ones overflow the calendar when taken off a date
_DURATION_REMEDY = 'write a whole number and a unit (s, m, h, d or w), such as "6h" or "90d"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Exactly one of the two is set.

    `cron` is in the order minute, hour, day of month, month, day of week. Its days of the week are names, never
    numbers: cron counts from Sunday, APScheduler from Monday.
    """

    interval: timedelta | None = None
    cron: str | None = None


def parse_duration(text: str) -> timedelta:
    """`90d`, `6h`, `30m`, `45s`, `2w`; more than nothing, at most a century. ValueProblem for all else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueProblem(f"{quoted(text)} is not a length of time", _DURATION_REMEDY)
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds == 0:
        raise ValueProblem(f"{quoted(text)} is no time at all", _DURATION_REMEDY)
    if seconds > _LONGEST.total_seconds():
        raise ValueProblem(f"{quoted(text)} is more than a century", _DURATION_REMEDY)
    return timedelta(seconds=seconds)


def duration_text(length: timedelta) -> str:
    """As one would write it: `90d`, `36h`; whole seconds."""
    seconds = max(1, int(length.total_seconds()))
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def parse_every(text: str) -> Every:
    """An interval or a cron line; ValueProblem for all else."""
    fields = text.split()
    if len(fields) == 5:
        return Every(cron=_checked_cron(fields))
    try:
        return Every(interval=parse_duration(text))
    except ValueProblem as problem:
        if _DURATION.fullmatch(text.strip()) is not None:
            raise problem from None  # a length of time that is too short, or too long
        raise ValueProblem(
            f"{quoted(text)} is neither an interval nor a cron line",
            'write an interval such as "6h" or "1d", or five cron fields such as "0 2 * * *" (each day at 02:00)',
        ) from None


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: Sequence[str] = ()  # the first stands for `low`

    def number(self, text: str) -> int:
        if text.lower() in self.words:
            return self.low + self.words.index(text.lower())
        if not re.fullmatch("[0-9]{1,2}", text):
            raise self.problem(text)
        value = int(text)
        if not self.low <= value <= self.high:
            raise self.problem(text)
        return value

    def problem(self, text: str) -> ValueProblem:
        named = f" or {self.words[0]} to {self.words[-1]}" if self.words else ""
        return ValueProblem(
            f"{quoted(text)} cannot stand in the {self.name} field of a cron line",
            f"the {self.name} is {self.low} to {self.high}{named}, as in `*`, `*/5`, `1-5`, `1,15`",
        )


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


def _checked_cron(fields: Sequence[str]) -> str:
    values = [_values(field, text) for field, text in zip(_FIELDS, fields, strict=True)]
    days, months = values[2], values[3]
    if not fields[2].startswith("*") and not fields[4].startswith("*"):
        raise ValueProblem(
            "a cron line with both a day of the month and a day of the week",
            "leave one of the two at `*`: programs disagree on whether both or either must hold",
        )
    if not any(min(days) <= _LONGEST_MONTH[month - 1] for month in months):
        raise ValueProblem(f"no month of this cron line has a day {min(days)}", "choose another day or month")
    week = "*" if fields[4] == "*" else ",".join(_DAYS[day] for day in sorted({day % 7 for day in values[4]}))
    return " ".join([*fields[:3], fields[3].lower(), week])


def cron_values(cron: str) -> list[set[int]]:
    """What each field of a checked cron line allows: minutes, hours, days, months, days of the week (Sunday is 0)."""
    values = [_values(field, text) for field, text in zip(_FIELDS, cron.split(), strict=True)]
    return [*values[:4], {day % 7 for day in values[4]}]


def _values(field: _Field, text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        found |= _range(field, part)
    return found


def _range(field: _Field, part: str) -> set[int]:
    span, slash, step_text = part.partition("/")
    if span == "*":
        # `*` is Sunday to Saturday once: 7 is only another name of Sunday.
        low, high = field.low, 6 if field.words is _DAYS else field.high
    elif "-" in span:
        first, _, last = span.partition("-")
        low, high = field.number(first), field.number(last)
        if low > high:
            raise field.problem(part)
    elif slash:
        raise field.problem(part)  # `5/10` means different things to different programs
    else:
        low = high = field.number(span)
    step = 1
    if slash:
        if not re.fullmatch("[0-9]{1,2}", step_text) or not 1 <= int(step_text) <= high - low:
            raise field.problem(part)
        step = int(step_text)
    return set(range(low, high + 1, step))
