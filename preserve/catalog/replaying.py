"""The journal once more: each link makes of an empty catalog what it once made of the real one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from checks.names import show
from preserve.catalog import bodies
from preserve.catalog.asking import want, want_repaired
from preserve.catalog.bodies import Body, read_body
from preserve.catalog.known import Known
from preserve.catalog.moments import micros
from preserve.catalog.replayaudits import ReplayedAudits
from preserve.catalog.replaychecks import ReplayedChecks, Row
from preserve.catalog.replayholdings import ReplayedHoldings
from preserve.catalog.rows import Fault
from preserve.catalog.scratch import blames_content, driver
from preserve.catalog.states import count_findings
from preserve.catalog.verdicts import renew_verdicts
from preserve.errors import CatalogError

_CLOCKS_MISTRUSTED = "0003"  # since which revision a time may be moved back, and a repair has its shards read again
_END = "UPDATE finding SET closed_check = ?, closed_at = ? WHERE closed_at IS NULL AND copy_id = ?"


class Replay:
    """Takes the links in order. What is wrong is put into `faults`; nothing that stands in a body is raised."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._run = driver(connection).execute
        self.faults: list[Fault] = []
        self.known = Known()
        self.audits = audits = ReplayedAudits(self._run)
        self._checks = ReplayedChecks(connection, self.known, audits, self.faults)
        self._changed = self._checks.changed
        self._held = held = ReplayedHoldings(self._run, self.known, self._changed)
        self._does: dict[str, Callable[[int, Any], None]] = {
            "catalog-created": self._create,
            "catalog-migrated": self._migrate,
            "package-added": held.add_package,
            "source-moved": held.move_source,
            "copy-recorded": held.record_copy,
            "replica-added": held.add_replica,
            "replica-removed": self._remove_replica,
            "audit-opened": audits.open,
            "audit-reopened": audits.reopen,
            "audit-ended": audits.end,
            "audit-stopped": audits.end,
            "audit-disbelieved": audits.disbelieve,
            "package-removed": self._remove_package,
            "copy-deleted": held.delete_copy,
            "change-confirmed": held.confirm_change,
            "reading-asked": self._ask_reading,
        }

    def take(self, number: int, kind: str, body: bytes) -> Row | None:
        """Takes one link; for a check, the row that it should have."""
        try:
            read = read_body(kind, body)
            if read.kind != kind:
                called = show(read.kind.encode("utf-8", "surrogateescape"))
                self._fault(number, kind, f"it calls itself {called}")
                read = read_body(read.kind, body)
            if isinstance(read, bodies.Check):
                return self._checks.add(number, read)
            self._checks.flush()
            with self._all_or_nothing():
                self._does.get(read.kind, self._act)(number, read)
                self._note_event(number, read)
        except (ValueError, OverflowError, SQLAlchemyError, sqlite3.Error) as error:
            if isinstance(error, SQLAlchemyError | sqlite3.Error):
                if not blames_content(error):
                    raise
                error = ValueError("it cannot be: the program would have refused it")
            self._fault(number, kind, str(error))
        return None

    def finish(self) -> None:
        """What follows from all links together."""
        self._checks.flush()
        self.audits.write()
        self._renew(self._changed)

    def _renew(self, package_ids: set[int]) -> None:
        """A verdict may rest on a record, and that may be damaged."""
        for some in (package_ids, *({one} for one in sorted(package_ids))):
            try:
                renew_verdicts(self._connection, some)
            except (CatalogError, ValueError, TypeError, LookupError, StopIteration, SQLAlchemyError) as error:
                if isinstance(error, SQLAlchemyError) and not blames_content(error):
                    raise
                if len(some) == 1:
                    self._keep_verdict(next(iter(some)))
                continue
            if some is package_ids:
                return

    def _keep_verdict(self, package_id: int) -> None:
        kept = "SELECT verdict, copies FROM kept.package AS k WHERE k.id = package.id"
        self._run(f"UPDATE package SET (verdict, copies) = ({kept}) WHERE id = ?", (package_id,))
        message = f"the verdict of {self.known.package_name(package_id)} cannot be made again: its records are damaged"
        self.faults.append(Fault(where="package", number=None, message=message))

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        self._run("SAVEPOINT link")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK TO link")
            raise
        finally:
            self._run("RELEASE link")

    def _fault(self, number: int, kind: object, what: str) -> None:
        named = show(str(kind).encode("utf-8", "surrogateescape"))
        message = f"link {number} ({named}): {what}"
        self.faults.append(Fault(where="journal", number=number, message=message))

    def _note_event(self, number: int, body: Body) -> None:
        package: UUID | None = getattr(body, "package", None)
        if package is not None:
            values = number, self.known.package(package).id, body.kind
            self._run("INSERT INTO event (number, package_id, kind) VALUES (?, ?, ?)", values)

    def _create(self, number: int, body: bodies.CatalogCreated) -> None:
        self._held.create(number, body)
        self._checks.clocks_trusted = body.revision < _CLOCKS_MISTRUSTED

    def _migrate(self, number: int, body: bodies.CatalogMigrated) -> None:
        self._checks.clocks_trusted &= body.to < _CLOCKS_MISTRUSTED

    def _ask_reading(self, number: int, body: bodies.ReadingAsked) -> None:
        copy_id, version = self.known.copy(body.package, body.version, body.replica)
        shards = None
        if body.starts is not None:
            shards = [version.shard(bytes.fromhex(start)) for start in body.starts]
        want(self._connection, copy_id, shards, body.why, body.at)

    def _remove_replica(self, number: int, body: bodies.ReplicaRemoved) -> None:
        for given_up in body.given_up:
            self.audits.give_up(given_up)
        self._held.remove_replica(number, body)

    def _remove_package(self, number: int, body: bodies.PackageRemoved) -> None:
        id_, at = self.known.package(body.package).id, micros(body.at)
        for given_up in body.given_up:
            self.audits.give_up(given_up)
        if id_ in self._changed:  # the verdict stays as it was then
            self._renew({id_})
            self._changed.discard(id_)
        copies = [copy_id for copy_id, (of, _) in enumerate(self.known.by_copy, 1) if of.package_id == id_]
        for copy_id in copies:
            self._run("DELETE FROM shard_state WHERE copy_id = ?", (copy_id,))
            self._run(_END, (number, at, copy_id))
            self._run("UPDATE copy SET removed_at = ? WHERE id = ?", (at, copy_id))
        count_findings(self._connection, copies)
        self._run("UPDATE package SET removed_at = ? WHERE id = ?", (at, id_))

    def _act(self, number: int, body: Body) -> None:
        """Any act: it may put an end to findings of its copy, and have it read again."""
        path = body.repaired() if isinstance(body, bodies.Repaired) and not self._checks.clocks_trusted else None
        if not isinstance(body, bodies.Act) or not (body.closed or path):
            return
        if body.package is None or body.version is None or body.replica is None:
            raise ValueError("it is an act on a copy, and does not say on which")
        copy_id, version = self.known.copy(body.package, body.version, body.replica)
        if path:
            want_repaired(self._connection, copy_id, version.inventory_id, path, body.at)
        for one in body.closed:
            ended = number, micros(body.at), copy_id, one.name() or b"", one.code.value
            if self._run(f"{_END} AND path = ? AND code = ?", ended).rowcount:
                self._changed.add(version.package_id)
        count_findings(self._connection, [copy_id])
