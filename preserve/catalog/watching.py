"""What is of the day: whether `serve` is alive, what somebody was told of, and whether it got through."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from preserve.catalog.bulk import among
from preserve.catalog.database import Database
from preserve.catalog.journal import append, canonical
from preserve.catalog.rows import AlertRow, ChannelRow, Heartbeat
from preserve.catalog.schema import alert, channel, heartbeat

_BEAT = [column for column in heartbeat.c if column.name != "id"]


class Watching(Database):
    """The heartbeat, the alerts and their channels. None of it follows from the journal."""

    def heartbeat(self) -> Heartbeat | None:
        """When `serve` was last alive; None if it never was."""
        with self.reading() as connection:
            row = connection.execute(select(*_BEAT)).mappings().one_or_none()
            return None if row is None else Heartbeat(**row)

    def beat(self, heartbeat_: Heartbeat) -> None:
        """Says that `serve` is alive."""
        with self.writing() as connection:
            connection.execute(delete(heartbeat))
            connection.execute(insert(heartbeat).values(id=1, **asdict(heartbeat_)))

    def alerts(self) -> list[AlertRow]:
        """Every cause that was saved, closed ones too, by key."""
        with self.reading() as connection:
            rows = connection.execute(select(alert).order_by(alert.c.key)).mappings()
            return [AlertRow(**{**row, "detail": json.loads(row["detail"])}) for row in rows]

    def save_alerts(self, rows: Sequence[AlertRow]) -> None:
        """Puts these causes in the place of those of the same key; others stay.

        That somebody acknowledged a cause after it was last seen (`last_at`) stays, too: it happened meanwhile.
        """
        with self.writing() as connection:
            for row in rows:
                connection.execute(_save(row))

    def acknowledge(self, keys: Collection[str], by: str, note: str, at: datetime) -> list[str]:
        """Takes down in the journal that somebody knows of these causes.

        Returns:
            those of the keys that stand open; nothing is written where none does.
        """
        standing = select(alert.c.key).where(among(alert.c.key, sorted(set(keys))), alert.c.closed_at.is_(None))
        with self.writing() as connection:
            known = list(connection.execute(standing.order_by(alert.c.key)).scalars())
            if known:
                done = update(alert).where(among(alert.c.key, known))
                connection.execute(done.values(acknowledged_at=at, acknowledged_by=by))
                append(connection, "alert-acknowledged", at, {"alerts": known, "by": by, "note": note})
            return known

    def channel_told(self, name: str, ok: bool, why: str, at: datetime) -> None:
        """Takes down how telling by a channel went; `why` is kept where it failed."""
        new = upsert(channel).values(
            name=name, last_ok_at=at if ok else None, failed_at=None if ok else at, why="" if ok else why
        )
        fresh = new.excluded
        told = (
            {"last_ok_at": fresh.last_ok_at, "failed_at": None, "why": ""}
            if ok
            else {"failed_at": func.coalesce(channel.c.failed_at, fresh.failed_at), "why": fresh.why}
        )
        with self.writing() as connection:
            connection.execute(new.on_conflict_do_update(set_=told))

    def channels(self) -> list[ChannelRow]:
        """The channels that were ever used, by name."""
        query = select(channel).order_by(channel.c.name)
        with self.reading() as connection:
            return [ChannelRow(**row) for row in connection.execute(query).mappings()]

    def forget_channels(self, kept: Collection[str]) -> None:
        """Takes out all channels but these: one that nobody uses any more has not failed."""
        with self.writing() as connection:
            connection.execute(delete(channel).where(channel.c.name.not_in(sorted(set(kept)))))


def _save(row: AlertRow) -> Insert:
    new = upsert(alert).values({**asdict(row), "detail": canonical(row.detail).decode()})
    meanwhile = alert.c.acknowledged_at > new.excluded.last_at
    kept = ("acknowledged_at", "acknowledged_by")
    taken: dict[str, ColumnElement[Any]] = {
        column.name: new.excluded[column.name] for column in alert.c if column.name not in ("key", *kept)
    }
    taken |= {name: case((meanwhile, alert.c[name]), else_=new.excluded[name]) for name in kept}
    return new.on_conflict_do_update(set_=taken)
