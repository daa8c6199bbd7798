"""What the catalog says of the names on a replica: where copies are recorded, and which names people said to ignore."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from checks.names import path_fields, path_from_fields
from preserve.catalog.database import Database
from preserve.catalog.journal import append
from preserve.catalog.schema import copy, inventory, journal, package
from preserve.errors import UsageError

NAME_IGNORED = "name-ignored"  # kinds of the journal's links
NAME_HEEDED = "name-heeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRow:
    """A folder of a replica in which a copy is or was recorded.

    Attributes:
        removed: its package is looked after no longer.
        deleted: and its folder was deleted, by our own hand.
    """

    location: bytes
    package: str  # its identifier
    version: int
    size_bytes: int
    removed: bool
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredName:
    """A name on a replica that nobody is to be told of, as long as it is what it was then.

    Attributes:
        path: below the replica's root.
        what: what it was: bag, folder, folder of bags, file, link, other …; another thing in its place is told.
    """

    path: bytes
    what: str
    reason: str
    by: str
    at: datetime


class Reconciling(Database):
    """For whoever compares a replica with the catalog."""

    def places_on(self, replica_id: int) -> list[PlaceRow]:
        """Every folder in which a copy was ever recorded on a replica, in bytewise order."""
        query = (
            select(
                *(copy.c.location, package.c.identifier, inventory.c.version, inventory.c.size_bytes),
                *(copy.c.removed_at, copy.c.deleted_at),
            )
            .join_from(copy, package, package.c.id == copy.c.package_id)
            .join(inventory, inventory.c.id == copy.c.inventory_id)
            .where(copy.c.replica_id == replica_id)
            .order_by(copy.c.location)
        )
        with self.reading() as connection:
            return [
                PlaceRow(
                    location=location,
                    package=identifier,
                    version=version,
                    size_bytes=size_bytes,
                    removed=removed_at is not None,
                    deleted=deleted_at is not None,
                )
                for location, identifier, version, size_bytes, removed_at, deleted_at in connection.execute(query)
            ]

    def identifiers(self) -> dict[str, str]:
        """UUID -> identifier of every package that ever was; of removed ones too."""
        with self.reading() as connection:
            return {str(uuid): name for uuid, name in connection.execute(select(package.c.uuid, package.c.identifier))}

    def ignore(self, replica: UUID, path: bytes, what: str, reason: str, by: str, at: datetime) -> None:
        """Takes down that nobody is to be told of a name on a replica; once, however often it is said the same way."""
        before = self.ignored(replica).get(path)
        if before is not None and (before.what, before.reason, before.by) == (what, reason, by):
            return
        body = {"replica": str(replica), **path_fields(path), "what": what, "reason": reason, "by": by}
        with self.writing() as connection:
            append(connection, NAME_IGNORED, at, body)

    def heed(self, replica: UUID, path: bytes, by: str, at: datetime) -> None:
        """Takes that back. UsageError if the name is not ignored."""
        if path not in self.ignored(replica):
            raise UsageError("that name is not ignored on this replica", remedy="`preserve reconcile` lists those.")
        with self.writing() as connection:
            append(connection, NAME_HEEDED, at, {"replica": str(replica), **path_fields(path), "by": by})

    def ignored(self, replica: UUID) -> dict[bytes, IgnoredName]:
        """The names that are ignored on a replica, as the journal has them last."""
        # The second condition is that of the index.
        query = select(journal.c.kind, journal.c.body).where(
            journal.c.kind.in_((NAME_IGNORED, NAME_HEEDED)), text("kind <> 'check'")
        )
        found: dict[bytes, IgnoredName] = {}
        with self.reading() as connection:
            for kind, body in connection.execute(query.order_by(journal.c.number)):
                said = json.loads(body)
                path = path_from_fields(said)
                if said.get("replica") != str(replica) or path is None:
                    continue
                found.pop(path, None)
                if kind == NAME_IGNORED:
                    at = datetime.fromisoformat(said["at"])
                    found[path] = IgnoredName(path=path, what=said["what"], reason=said["reason"], by=said["by"], at=at)
        return found
