"""Whether a text is a date or time: ISO 8601, or EDTF (ISO 8601-2), which PREMIS recommends (DD 3.0, eventDateTime)."""

import re
from datetime import date

_DATE = r"""
    (?P<year> -?[0-9XxUu]{4} )
    (?: -? (?P<month> [0-9XxUu]{2} ) (?: -? (?P<day> [0-9XxUu]{2} ) )? )?
"""
_TIME = r"""
    T (?P<hour> \d\d ) (?: :? (?P<minute> \d\d ) (?: :? (?P<second> \d\d ) (?: [.,]\d+ )? )? )?
    (?: Z | [+-] (?P<zone_hour> \d\d ) (?: :? (?P<zone_minute> \d\d ) )? )?
"""
_INSTANT = re.compile(rf"{_DATE} (?: {_TIME} | [?~%] )?", re.VERBOSE | re.ASCII)
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?", re.ASCII)
_OPEN = ("", "..", "open", "unknown")
_SEASONS = range(21, 42)  # EDTF's spring, summer, quarters and so on stand where a month would


def is_date_time(text: str) -> bool:
    """Whether it is a date, a date and time, or an interval of them, and one that the calendar has.

    Surrounding space is allowed, as XML's own date types allow it.
    """
    parts = text.strip().split("/")
    if len(parts) == 1:
        return _is_instant(parts[0])
    if len(parts) != 2 or all(part in _OPEN for part in parts):
        return False
    start, end = parts
    return (_is_instant(start) or start in _OPEN) and (
        _is_instant(end) or end in _OPEN or _DURATION.fullmatch(end) is not None
    )


def _is_instant(text: str) -> bool:
    match = _INSTANT.fullmatch(text)
    return match is not None and _in_calendar(match) and _in_clock(match)


def _in_calendar(match: re.Match[str]) -> bool:
    year, month, day = match["year"], match["month"], match["day"]
    if month is None or not month.isdigit():
        return True
    if day is None:
        return 1 <= int(month) <= 12 or int(month) in _SEASONS
    if not day.isdigit():
        return 1 <= int(month) <= 12
    # 2000 is a leap year, so that a day of an unspecified or BCE year is judged kindly.
    known_year = int(year) if year.isdigit() and int(year) >= 1 else 2000
    try:
        date(known_year, int(month), int(day))
    except ValueError:
        return False
    return True


def _in_clock(match: re.Match[str]) -> bool:
    if match["hour"] is None:
        return True
    if match["day"] is None:
        return False
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    at_end_of_day = (hour, minute, second) == (24, 0, 0)
    in_zone = int(match["zone_hour"] or 0) <= 14 and int(match["zone_minute"] or 0) < 60
    return (hour < 24 or at_end_of_day) and minute < 60 and second <= 60 and in_zone
