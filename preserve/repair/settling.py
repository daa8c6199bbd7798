"""Settling what a killed repair left on a replica: finished where it was nearly done, undone where it had hardly begun.

An entry of the quarantine that the journal does not know was begun and not recorded. Nothing is deleted that is not a
copy of bytes that stand elsewhere: `content` goes only if it is the good file that never came to its place, or, of a
segment, while the file still has the bad bytes itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from checks.evidence import Outcome, worst
from checks.findings import Code
from checks.names import canonical, path_from_fields
from checks.ports import NotFoundError, StoreError
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, ReplicaRow
from preserve.repair.acts import entries_recorded, finished
from preserve.repair.mending import Mender
from preserve.repair.origins import Origin
from preserve.repair.planning import Method
from preserve.repair.reading import Piece, digest_of, fetch
from preserve.stores.durable import sync_filesystem, writing
from preserve.stores.local import LocalStore
from preserve.stores.quarantine import ASIDE, CONTENT, GOOD, Entry, Quarantine


@dataclass(frozen=True, slots=True)
class _Begun:
    """An entry with what it says, as far as that is of this catalog."""

    entry: Entry
    copy: CopyRow
    path: bytes  # from the bag's root
    full: bytes  # below the replica's root
    method: Method
    expected: str | None  # SHA-256, hex
    segment: int | None


class Settler:
    """Settles entries of one replica that is there and held by this process."""

    def __init__(self, catalog: Catalog, mender: Mender, replica: ReplicaRow, store: LocalStore) -> None:
        self._catalog = catalog
        self._mender = mender
        self._replica = replica
        self._store = store

    def settle(self) -> list[str]:
        """Settles every entry that the journal does not know; says of each what was done."""
        known = entries_recorded(self._catalog, str(self._replica.uuid))
        copies = {(copy.package, copy.version): copy for copy in self._catalog.copies(replica_ids=[self._replica.id])}
        told = []
        entries = list(Quarantine(self._store.root).entries())
        if any(os.fsdecode(entry.name) not in known for entry in entries):
            # What the killed run wrote and renamed may be in memory only, and what is recorded of it must last.
            with writing(self._store.root):
                sync_filesystem(self._store.root)
        for entry in entries:
            name = os.fsdecode(entry.name)
            if name in known:
                self._finish(entry)
                continue
            begun = self._begun(entry, copies)
            if begun is None and entry.holds_nothing():
                entry.discard()  # killed, or out of room, before it could say what for
                continue
            if begun is None:
                told.append(f"{name}: left as it is; it is of no package in care here, or cannot be understood")
                continue
            told.append(f"{name}: {self._settle(begun)}")
        return told

    def _finish(self, entry: Entry) -> None:
        """What a run could not do any more after its record."""
        entry.remove(GOOD)
        if not entry.sealed and entry.has(CONTENT):
            entry.seal(digest_of(self._store, entry.location + b"/" + CONTENT)[1])

    def _settle(self, begun: _Begun) -> str:
        entry = begun.entry
        if begun.segment is not None:
            return self._settle_segment(begun)
        if entry.has(ASIDE):
            return self._settle_aside(begun)
        _, digest = digest_of(self._store, entry.location + b"/" + CONTENT) if entry.has(CONTENT) else (None, None)
        if not entry.has(CONTENT):
            return self._nothing_aside(begun)
        if begun.method is Method.RENAME_BACK and digest == begun.expected:
            return self._give_back(begun)
        if digest is not None and digest == begun.expected:
            entry.discard()
            return "the good file had not come to its place yet; undone"
        entry.seal(digest)
        self._record(begun, digest)
        return "the file had been set aside; finished"

    def _settle_aside(self, begun: _Begun) -> str:
        """Killed between the renames of a file system that cannot exchange names."""
        entry = begun.entry
        if self._stands(begun.full):
            entry.give(ASIDE, entry.location + b"/" + CONTENT)
            return self._settle(begun)
        entry.give(ASIDE, begun.full)
        entry.discard()
        return "the bad file was put back in its place; undone"

    def _nothing_aside(self, begun: _Begun) -> str:
        begun.entry.discard()
        results = self._mender.check(begun.copy, begun.path)
        if begun.method is Method.WRITE and worst([result.outcome for result in results]) is Outcome.PASS:
            act = finished(begun.copy, begun.path, begun.method.value, None, self._mender.by)
            self._catalog.record_acts([act], results, self._mender.now())
            return "the missing file had been written; finished"
        return "nothing had been moved yet; undone"

    def _give_back(self, begun: _Begun) -> str:
        """A moved file, on its way back: it is whole, and its own place is the place to give it."""
        if self._stands(begun.full):
            self._record(begun, begun.expected)
            return "another file has come to its place meanwhile; kept in the quarantine"
        begun.entry.give(CONTENT, begun.full, make=True)
        begun.entry.discard()
        return "the moved file was given back to its place; finished"

    def _settle_segment(self, begun: _Begun) -> str:
        wanted = self._catalog.entry(begun.copy.inventory_id, begun.path)
        assert wanted is not None and begun.segment is not None
        entry, piece = begun.entry, Piece(wanted, begun.segment)
        there = Origin(name=begun.copy.replica, store=self._store, path=begun.full)
        staged = Origin(name="", store=self._store, path=entry.location + b"/" + GOOD)
        if fetch(there, piece).fault:
            if fetch(staged, piece, alone=True).fault:
                entry.discard()
                return "nothing of the segment had been written yet; undone"
            entry.overwrite(begun.full, piece.offset)
            if fault := fetch(there, piece).fault:
                return f"the segment does not read back: {fault}"
        _, digest = digest_of(self._store, entry.location + b"/" + CONTENT)
        entry.seal(digest)
        self._record(begun, digest)
        entry.remove(GOOD)
        return "the segment was written; finished"

    def _record(self, begun: _Begun, digest: str | None) -> None:
        name = os.fsdecode(begun.entry.name)
        settles = ((Code.UNTRACKED, begun.path),) if begun.method is Method.SET_ASIDE else ()
        body = {"entry": name, "sha256": digest, "segment": begun.segment}
        acts = [
            finished(
                begun.copy, begun.path, begun.method.value, name, self._mender.by, "file-quarantined", body, settles
            )
        ]
        results = [] if settles else self._mender.check(begun.copy, begun.path)
        if results and worst([result.outcome for result in results]) is Outcome.PASS:
            acts.append(finished(begun.copy, begun.path, begun.method.value, name, self._mender.by))
        self._catalog.record_acts(acts, results, self._mender.now())

    def _begun(self, entry: Entry, copies: Mapping[tuple[str, int], CopyRow]) -> _Begun | None:
        """What an entry says, believed only where it agrees with the catalog."""
        document = entry.document()
        try:
            assert document is not None
            copy = copies[str(document["package"]), int(str(document["version"]))]
            path, on_disk = (path_from_fields(_table(document[name])) for name in ("file", "on_disk"))
            assert path and on_disk and canonical(path) == canonical(on_disk)
            method, segment = Method(str(document["method"])), document["segment"]
            number = None if segment is None else int(str(segment))
        except (AssertionError, KeyError, ValueError, TypeError):
            return None
        wanted = self._catalog.entry(copy.inventory_id, path)
        if wanted is None and method is not Method.SET_ASIDE:
            return None
        if wanted is not None and number is not None and not 0 <= number < len(wanted.segments):
            return None
        return _Begun(
            entry=entry,
            copy=copy,
            path=path,
            full=copy.location + b"/" + on_disk,
            method=method,
            expected=None if wanted is None else wanted.sha256.hex(),
            segment=number,
        )

    def _stands(self, path: bytes) -> bool:
        try:
            self._store.stat(path)
        except NotFoundError:
            return False
        except StoreError:
            return True  # unknown: nothing is put over it
        return True


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value
