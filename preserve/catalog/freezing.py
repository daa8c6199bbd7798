"""Mass change: where so much of a copy differs that something else than decay is at work, nothing is written.

The same rule holds for all copies of a replica together: packages may be small, and a disk full of them encrypted.

Reading goes on. Repair and replication wait until the damage is gone on a later reading, or a person has confirmed it;
what is found after that counts anew.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, select, update

from checks.findings import Code
from checks.policy import MassChange
from preserve.catalog.bulk import among
from preserve.catalog.copies import copy_query, read_copies
from preserve.catalog.database import Database
from preserve.catalog.journal import Chain
from preserve.catalog.places import places_of
from preserve.catalog.rows import FrozenCopy
from preserve.catalog.schema import copy, finding, inventory, replica
from preserve.catalog.states import DAMAGE

# Untracked files are beside what was taken in: they are no share of it.
_CHANGED = [code for code in DAMAGE if code != Code.UNTRACKED.value]


class Freezing(Database):
    """Which copies show mass change, and that a person confirmed it."""

    def frozen(self, rule: MassChange, replica_ids: Sequence[int] | None = None) -> list[FrozenCopy]:
        """The copies that show mass change which nobody has confirmed, by replica.

        Where a replica shows it only as a whole, these are all its copies with changes.
        """
        with self.reading() as connection:
            return _frozen(connection, rule, replica_ids)

    def confirm_change(self, rule: MassChange, replica_ids: Sequence[int], by: str, at: datetime) -> list[FrozenCopy]:
        """Confirms what the copies of these replicas show now; gives what was confirmed."""
        with self.writing() as connection:
            found = _frozen(connection, rule, replica_ids)
            places = places_of(connection, {one.copy.id for one in found})
            chain = Chain(connection)
            for one in found:
                place = places[one.copy.id]
                body = {**place.named(), "by": by, "changed": one.changed, "files": one.files}
                number = chain.add("change-confirmed", at, body, package_id=place.package_id)
                connection.execute(update(copy).where(copy.c.id == one.copy.id).values(confirmed_check=number))
            chain.write()
            return found


def _frozen(connection: Connection, rule: MassChange, replica_ids: Sequence[int] | None) -> list[FrozenCopy]:
    gone = func.max(case((finding.c.code == Code.COPY_MISSING.value, 1), else_=0))
    query = (
        select(copy.c.id, copy.c.replica_id, inventory.c.files, func.count(finding.c.path.distinct()), gone)
        .join_from(copy, finding, finding.c.copy_id == copy.c.id)
        .join(inventory, inventory.c.id == copy.c.inventory_id)
        .join(replica, replica.c.id == copy.c.replica_id)
        .where(
            copy.c.damage > 0,
            copy.c.removed_at.is_(None),
            replica.c.removed_at.is_(None),
            finding.c.closed_at.is_(None),
            finding.c.opened_check > func.coalesce(copy.c.confirmed_check, 0),
            among(finding.c.code, _CHANGED),
        )
        .group_by(copy.c.id)
    )
    if replica_ids is not None:
        query = query.where(among(copy.c.replica_id, replica_ids))
    by_replica: dict[int, dict[int, tuple[int, int]]] = {}
    missing = set[int]()
    for copy_id, replica_id, files, changed, is_gone in connection.execute(query):
        by_replica.setdefault(replica_id, {})[copy_id] = (files if is_gone else changed, files)
        missing |= {copy_id} if is_gone else set()
    shown: dict[int, tuple[int, int]] = {}
    for replica_id, found in by_replica.items():
        whole = _shows_as_a_whole(connection, rule, replica_id, sum(changed for changed, _ in found.values()))
        shown |= {copy_id: counts for copy_id, counts in found.items() if whole or rule.shown(*counts)}
    copies = read_copies(connection, copy_query().where(among(copy.c.id, shown)).order_by(replica.c.name, copy.c.id))
    return [
        FrozenCopy(copy=one, changed=shown[one.id][0], files=shown[one.id][1], gone=one.id in missing) for one in copies
    ]


def _shows_as_a_whole(connection: Connection, rule: MassChange, replica_id: int, changed: int) -> bool:
    if changed < rule.least_files:
        return False  # nearly always: then nothing need be added up
    files = select(func.sum(inventory.c.files)).join_from(copy, inventory, inventory.c.id == copy.c.inventory_id)
    here = files.where(copy.c.replica_id == replica_id, copy.c.removed_at.is_(None))
    return rule.shown(changed, connection.execute(here).scalar_one() or 0)
