"""Times in the catalog: aware UTC outside, whole microseconds since 1970 inside."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

from preserve.errors import LOOK_AT_CATALOG, UnreadableError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC; TypeError for a time without a zone."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(stored: int) -> datetime:
    """The inverse of `micros`; UnreadableError if no clock can have said it."""
    try:
        return _EPOCH + timedelta(microseconds=stored)
    except (OverflowError, TypeError) as error:
        raise UnreadableError("a time in the catalog is none that there can be", remedy=LOOK_AT_CATALOG) from error


def text_of(moment: datetime) -> str:
    """The form that stands in the journal: RFC 3339 in UTC, always with six digits after the point."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Moment(TypeDecorator[datetime]):
    """A column of times. Integers compare and index fast, and have no zone to be mistaken."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment_of(value)
