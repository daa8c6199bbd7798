"""What the demonstration collection is about: sun and moon over Phnom Penh, computed here, so that every value is true.

Formulae: the low-precision sun of the Astronomical Almanac (about 0.01 degree from 1950 to 2050), sunrise at a zenith
of 90.833 degrees, the mean synodic month from the new moon of 6 January 2000, 18:14 UTC (the mean moon may be half a
day from the true one).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

LATITUDE_DEGREES = 11.5564
LONGITUDE_DEGREES = 104.9282
UTC_OFFSET_HOURS = 7
YEARS = range(2020, 2025)

_NEW_MOON = datetime(2000, 1, 6, 18, 14)  # noqa: DTZ001  all of this computes in UTC without zones
_SYNODIC_DAYS = 29.530588853
_PHASES = ("new moon", "first quarter", "full moon", "last quarter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Local times (UTC+7) in minutes after midnight."""

    date: date
    sunrise_minutes: float
    sunset_minutes: float

    @property
    def daylight_minutes(self) -> float:
        return self.sunset_minutes - self.sunrise_minutes


def days_of(year: int, month: int) -> Iterator[Day]:
    """Each day of a month."""
    day = date(year, month, 1)
    while day.month == month:
        yield _sun(day)
        day += timedelta(days=1)


def _sun(day: date) -> Day:
    n = (day - date(2000, 1, 1)).days + 0.5 - UTC_OFFSET_HOURS / 24
    mean_longitude = math.radians((280.460 + 0.9856474 * n) % 360)
    anomaly = math.radians((357.528 + 0.9856003 * n) % 360)
    longitude = mean_longitude + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 0.0000004 * n)
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    equation = (math.degrees(mean_longitude - ascension) + 180) % 360 - 180  # of time, in degrees
    noon = 720 - 4 * (LONGITUDE_DEGREES + equation) + UTC_OFFSET_HOURS * 60
    latitude = math.radians(LATITUDE_DEGREES)
    cosine = (math.cos(math.radians(90.833)) - math.sin(latitude) * math.sin(declination)) / (
        math.cos(latitude) * math.cos(declination)
    )
    half = 4 * math.degrees(math.acos(cosine))
    return Day(date=day, sunrise_minutes=noon - half, sunset_minutes=noon + half)


def moon_phases(year: int) -> Iterator[tuple[datetime, str]]:
    """The mean phases of a year, in local time."""
    quarter = timedelta(days=_SYNODIC_DAYS / 4)
    count = int((datetime(year, 1, 1) - _NEW_MOON) / quarter)  # noqa: DTZ001  as above
    moment = _NEW_MOON + count * quarter + timedelta(hours=UTC_OFFSET_HOURS)
    while moment.year <= year:
        if moment.year == year:
            yield moment, _PHASES[count % 4]
        count += 1
        moment += quarter


def clock(minutes: float) -> str:
    """`06:14`."""
    return f"{int(minutes + 0.5) // 60:02d}:{int(minutes + 0.5) % 60:02d}"
