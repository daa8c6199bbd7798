"""Alarms as the catalog keeps them: what `checks.alarms` remembers, in the row's columns and its `detail`."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from checks.alarms import Accepted, Alarm, Told
from preserve.catalog.rows import AlertRow


def row_of(alarm: Alarm) -> AlertRow:
    """`count` is how bad it is: files, shards."""
    detail: dict[str, object] = {
        "message": alarm.message,
        "replica": alarm.replica,
        "worse_at": _text(alarm.worse_at),
        "told": {
            name: {"sent_at": _text(told.sent_at), "tries": told.tries, "tried_at": _text(told.tried_at)}
            for name, told in alarm.told.items()
        },
    }
    if alarm.accepted is not None:
        detail["accepted"] = {"at": _text(alarm.accepted.at), "magnitude": alarm.accepted.magnitude}
    return AlertRow(
        key=alarm.key,
        first_at=alarm.first_at,
        last_at=alarm.last_at,
        count=alarm.magnitude,
        detail=detail,
        sent_at=alarm.sent_at,
        acknowledged_at=alarm.acknowledged_at,
        acknowledged_by=alarm.acknowledged_by,
        closed_at=alarm.closed_at,
    )


def alarm_of(row: AlertRow) -> Alarm:
    """The inverse. What cannot be read in `detail` counts as not told: rather a letter too many."""
    told = row.detail.get("told")
    accepted = row.detail.get("accepted")
    at = _moment(accepted.get("at")) if isinstance(accepted, Mapping) else None
    return Alarm(
        key=row.key,
        message=str(row.detail.get("message", row.key)),
        replica=str(row.detail.get("replica", "")),
        magnitude=row.count,
        first_at=row.first_at,
        last_at=row.last_at,
        sent_at=row.sent_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        closed_at=row.closed_at,
        accepted=None if at is None or not isinstance(accepted, Mapping) else _accepted(at, accepted),
        worse_at=_moment(row.detail.get("worse_at")),
        told={str(name): _told(kept) for name, kept in told.items()} if isinstance(told, Mapping) else {},
    )


def changed(alarms: Iterable[Alarm], rows: Iterable[AlertRow]) -> list[AlertRow]:
    """The rows to be saved: those in which more than the time differs, and those last saved an hour ago."""
    before = {row.key: row for row in rows}
    return [row for alarm in alarms if _differs(row := row_of(alarm), before.get(alarm.key))]


def _differs(row: AlertRow, old: AlertRow | None) -> bool:
    if old is None or abs((row.last_at - old.last_at).total_seconds()) >= 3600:
        return True
    return _without_time(row) != _without_time(old)


def _without_time(row: AlertRow) -> tuple[object, ...]:
    kept = (row.key, row.first_at, row.count, dict(row.detail), row.sent_at, row.acknowledged_at, row.closed_at)
    return (*kept, row.acknowledged_by)


def _accepted(at: datetime, kept: Mapping[str, object]) -> Accepted:
    magnitude = kept.get("magnitude")
    return Accepted(at=at, magnitude=magnitude if isinstance(magnitude, int) else -1)


def _told(kept: object) -> Told:
    if not isinstance(kept, Mapping):
        return Told()
    tries = kept.get("tries")
    return Told(
        sent_at=_moment(kept.get("sent_at")),
        tries=tries if isinstance(tries, int) else 0,
        tried_at=_moment(kept.get("tried_at")),
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
