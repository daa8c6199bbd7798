"""What was measured: how fast replicas were read, and how long ago."""

from datetime import datetime, timedelta

from sqlalchemy import select, text

from checks.evidence import Evidence
from preserve.catalog.database import Database
from preserve.catalog.moments import micros, moment_of
from preserve.catalog.rows import AuditState, ReadAge, Speed
from preserve.catalog.schema import audit
from preserve.catalog.states import LEVELS

_DAY = timedelta(days=1) // timedelta(microseconds=1)
_NEVER = 2**63 - 1  # the latest time that the catalog can hold
_PAUSE = timedelta(minutes=1) // timedelta(microseconds=1)  # a longer one is no part of reading
_LONGEST = timedelta(hours=3) // timedelta(microseconds=1)  # of a shard; in a longer one the clock was set
_MOST_CHECKS = 200_000  # of the newest audits: enough to know a speed by

# Shards are read side by side: what counts is how long at least one of them was being read.
_MEASURED = text("""
WITH done AS (
    SELECT copy.replica_id AS replica, c.started_at AS began, c.ended_at AS ended, c.bytes_read AS bytes
    FROM audit_item AS i
    CROSS JOIN shard_check AS c ON c.number = i.check_number
    CROSS JOIN copy ON copy.id = c.copy_id
    WHERE i.audit_id = :audit AND c.bytes_read > 0 AND c.started_at >= :since
        AND c.ended_at BETWEEN c.started_at AND c.started_at + :longest
), following AS (
    SELECT *, max(ended) OVER (
        PARTITION BY replica ORDER BY began, ended ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS before
    FROM done
)
SELECT replica, sum(bytes), sum(CASE
    WHEN before IS NULL OR began - before > :pause THEN ended - began
    ELSE max(ended - before, 0)
END)
FROM following GROUP BY replica
""")

# By copy first: that is the order in which the states lie.
_AGES = """
WITH by_copy AS (
    SELECT s.copy_id,
        CASE WHEN s.{time} >= :since THEN s.{time} / :grain * :grain ELSE s.{time} / :day * :day END AS span,
        count(*) AS shards, sum(shard.bytes_to_read) AS bytes
    FROM shard_state AS s JOIN shard ON shard.id = s.shard_id
    GROUP BY s.copy_id, span
)
SELECT replica.id, replica.name, collection.name, span, sum(b.shards), sum(b.bytes)
FROM by_copy AS b
JOIN copy ON copy.id = b.copy_id
JOIN package ON package.id = copy.package_id
JOIN collection ON collection.id = package.collection_id
JOIN replica ON replica.id = copy.replica_id
WHERE replica.removed_at IS NULL
GROUP BY replica.id, collection.id, span
ORDER BY replica.name, collection.name, span
"""


class Measuring(Database):
    """Speeds and ages."""

    def speeds(self, since: datetime) -> dict[int, Speed]:
        """How fast each replica was read by audits since then; replicas that were not are left out."""
        lately = (audit.c.state == AuditState.RUNNING.value) | (audit.c.ended_at >= since)
        audits = select(audit.c.id, audit.c.done).where(lately, audit.c.done > 0).order_by(audit.c.id.desc())
        measured: dict[int, tuple[int, int]] = {}
        left = _MOST_CHECKS
        with self.reading() as connection:
            for audit_id, done in connection.execute(audits).all():
                if left <= 0:
                    break
                left -= done
                given = {"audit": audit_id, "since": micros(since), "pause": _PAUSE, "longest": _LONGEST}
                for replica_id, size, lasted in connection.execute(_MEASURED, given):
                    before = measured.get(replica_id, (0, 0))
                    measured[replica_id] = before[0] + size, before[1] + lasted
        return {id_: Speed(bytes=size, seconds=lasted / 1e6) for id_, (size, lasted) in sorted(measured.items())}

    def read_ages(
        self, required: Evidence = Evidence.READ, finer: tuple[datetime, timedelta] | None = None
    ) -> list[ReadAge]:
        """Shards and bytes in care, by replica in use, collection and day on which they last reached `required`.

        Days are in UTC, rising, never first.

        Args:
            finer: from that day on, spans of this length, which a day has a whole number of, are told and not days.
        """
        since, grain = _NEVER, _DAY
        if finer is not None:
            since, grain = micros(finer[0]) // _DAY * _DAY, finer[1] // timedelta(microseconds=1)
        given = {"day": _DAY, "since": since, "grain": grain}
        query = text(_AGES.format(time=LEVELS[required].name))
        with self.reading() as connection:
            return [
                ReadAge(
                    replica_id=replica_id,
                    replica=replica,
                    collection=collection,
                    evidence=required,
                    day=None if span is None else moment_of(span).date(),
                    at=moment_of(span) if span is not None and span >= since else None,
                    shards=shards,
                    bytes=size,
                )
                for replica_id, replica, collection, span, shards, size in connection.execute(query, given)
            ]
