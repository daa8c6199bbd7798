"""Deaccession: a package is looked after no longer. Its history stays; its copies go only when they were deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from preserve.catalog.acts import close_findings
from preserve.catalog.audits import give_up_checks
from preserve.catalog.copies import copy_query, read_copies
from preserve.catalog.database import Database
from preserve.catalog.journal import append
from preserve.catalog.moments import micros
from preserve.catalog.places import places_of
from preserve.catalog.rows import CopyRow
from preserve.catalog.schema import copy, finding, lease, package, shard_state
from preserve.catalog.states import count_findings
from preserve.errors import UsageError


class Removal(Database):
    """Removing packages, and recording that their copies were deleted."""

    def remove_package(self, package_id: int, facts: Mapping[str, object], at: datetime) -> None:
        """Ends the care for a package and for all its copies, of every version.

        An audit that is going on, or was stopped, no longer sets out to check them; what comes in late does not count.

        Args:
            facts: why and by whom, as the journal keeps it.

        Raises:
            UsageError: it was removed already.
        """
        with self.writing() as connection:
            known = connection.execute(select(package).where(package.c.id == package_id)).one()
            if known.removed_at is not None:
                raise UsageError(f"the package {known.identifier} was removed on {known.removed_at:%d %B %Y}")
            copy_ids = connection.execute(select(copy.c.id).where(copy.c.package_id == package_id)).scalars().all()
            body = {**facts, "package": str(known.uuid), "identifier": known.identifier, "copies": len(copy_ids)}
            body |= give_up_checks(connection, copy_ids)
            number = append(connection, "package-removed", at, body, package_id=package_id)
            _end_copies(connection, copy_ids, number, at)
            connection.execute(update(package).where(package.c.id == package_id).values(removed_at=at))

    def copies_left(self, package_id: int) -> list[CopyRow]:
        """Copies of a removed package that were not deleted, on replicas in use or not, by replica."""
        query = copy_query().where(
            copy.c.package_id == package_id, copy.c.removed_at.is_not(None), copy.c.deleted_at.is_(None)
        )
        with self.reading() as connection:
            return read_copies(connection, query.order_by(copy.c.id))

    def copy_deleted(self, copy_id: int, facts: Mapping[str, object], at: datetime) -> None:
        """Records that a copy of a removed package was deleted from its replica."""
        with self.writing() as connection:
            place = places_of(connection, {copy_id})[copy_id]
            ended = connection.execute(select(copy.c.removed_at).where(copy.c.id == copy_id)).scalar_one()
            if ended is None:
                raise ValueError(f"copy {copy_id} is still looked after")
            body = {**facts, **place.named()}
            append(connection, "copy-deleted", at, body, package_id=place.package_id)
            connection.execute(update(copy).where(copy.c.id == copy_id).values(deleted_at=at))


def _end_copies(connection: Connection, copy_ids: Sequence[int], number: int, at: datetime) -> None:
    """Nothing is due of them any more, nothing is wrong with them any more; what was, stays written."""
    for copy_id in copy_ids:
        connection.execute(delete(lease).where(lease.c.copy_id == copy_id))
        connection.execute(delete(shard_state).where(shard_state.c.copy_id == copy_id))
        standing = select(finding.c.id).where(finding.c.copy_id == copy_id, finding.c.closed_at.is_(None))
        ids = connection.execute(standing).scalars().all()
        close_findings(connection, [(number, micros(at), id_) for id_ in ids])
        connection.execute(update(copy).where(copy.c.id == copy_id).values(removed_at=at))
    count_findings(connection, copy_ids)
