"""Settling what a killed repair left on a replica: finished where it was nearly done, undone where it had hardly begun.

An entry of the quarantine that the journal does not know was begun and not recorded. Nothing is deleted that is not a
copy of bytes that were just read elsewhere: a good `content` goes only if a good file stands in its place, that of a
segment only while the file still has the same bytes, and nothing that has its manifest.
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
from preserve.errors import PreserveError
from preserve.repair.acts import entries_recorded, finished
from preserve.repair.mending import Mender
from preserve.repair.planning import Method
from preserve.repair.reading import Piece, digest_of, segment_now
from preserve.repair.segments import set_aside
from preserve.stores.port import Entry, ReplicaStore
from preserve.stores.quarantine import ASIDE, CONTENT, GOOD, TORN


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

    def __init__(self, catalog: Catalog, mender: Mender, replica: ReplicaRow, store: ReplicaStore) -> None:
        self._catalog = catalog
        self._mender = mender
        self._replica = replica
        self._store = store

    def settle(self) -> list[str]:
        """Settles every entry that the journal does not know; says of each what was done."""
        known = entries_recorded(self._catalog, str(self._replica.uuid))
        copies = {(copy.package, copy.version): copy for copy in self._catalog.copies(replica_ids=[self._replica.id])}
        told = []
        entries = list(self._store.quarantine().entries())
        if any(os.fsdecode(entry.name) not in known for entry in entries):
            # What the killed run wrote and renamed may be in memory only, and what is recorded of it must last.
            self._store.flush()
        for entry in entries:
            name = os.fsdecode(entry.name)
            if name in known:
                self._finish(entry)
                continue
            told += self._told(entry, copies)
        return told

    def _told(self, entry: Entry, copies: Mapping[tuple[str, int], CopyRow]) -> list[str]:
        """Settles one entry; what goes wrong with it does not keep the others from being settled."""
        name = os.fsdecode(entry.name)
        try:
            begun = self._begun(entry, copies)
            if begun is None and entry.holds_nothing():
                entry.discard()  # killed, or out of room, before it could say what for
                return []
            if begun is None:
                return [f"{name}: left as it is; it is of no package in care here, or cannot be understood"]
            return [f"{name}: {self._settle(begun)}"]
        except PreserveError as error:
            return [f"{name}: left as it is; {error.message}"]
        except (StoreError, OSError) as error:
            return [f"{name}: left as it is; {error}"]

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
        if not entry.has(CONTENT):
            return self._nothing_aside(begun)
        digest = self._digest(entry, CONTENT)
        if begun.method is Method.SET_ASIDE and not entry.sealed and self._same_stands(begun.full, digest):
            entry.discard()  # where names cannot be moved, it was copied first, and not yet taken away
            return "nothing had been moved yet; undone"
        if digest is not None and digest == begun.expected and not entry.sealed:
            return self._forward(begun)
        entry.seal(digest)
        self._record(begun, digest)
        return "the file had been set aside; finished"

    def _forward(self, begun: _Begun) -> str:
        """CONTENT is the good file: it may be the last one, so it goes only where it belongs, or if it stands there."""
        entry = begun.entry
        outcome = worst([result.outcome for result in self._mender.check(begun.copy, begun.path)])
        if outcome is Outcome.PASS:
            entry.discard()
            return "a good file stands in its place; undone"
        if outcome is Outcome.INCONCLUSIVE:
            return "kept: what stands in its place could not be read"
        if not self._stands(begun.full):
            entry.give(CONTENT, begun.full, make=True)
            self._record_repaired(begun)
            entry.discard()
            return "the good file was given to its place; finished"
        entry.exchange(begun.full)
        digest = self._digest(entry, CONTENT)
        entry.seal(digest)
        self._record(begun, digest)
        return "the good file took its place, the bad one is set aside; finished"

    def _settle_aside(self, begun: _Begun) -> str:
        """Killed where two names cannot be exchanged at once: ASIDE is the bad file, or a whole copy of it."""
        entry = begun.entry
        content, aside = self._digest(entry, CONTENT), self._digest(entry, ASIDE)
        if aside is not None and content == aside:
            entry.remove(ASIDE)  # the copy of it that CONTENT was to become had just been made
            entry.seal(content)
            self._record(begun, content)
            return "the file had been set aside; finished"
        if aside is not None and self._same_stands(begun.full, aside):
            return self._not_replaced(begun, content)
        good = content is not None and content == begun.expected
        if not self._stands(begun.full):
            entry.give(CONTENT if good else ASIDE, begun.full)
            if not good:
                entry.discard()
                return "the bad file was put back in its place; undone"
        elif good and worst([r.outcome for r in self._mender.check(begun.copy, begun.path)]) is Outcome.PASS:
            entry.remove(CONTENT)  # the same bytes stand in the file's place
        if entry.has(CONTENT):
            return "left as it is: another file has come to its place"
        entry.give(ASIDE, entry.location + b"/" + CONTENT)
        digest = self._digest(entry, CONTENT)
        entry.seal(digest)
        self._record(begun, digest)
        return "the file had been set aside; finished"

    def _not_replaced(self, begun: _Begun, content: str | None) -> str:
        """The bad file stands in its place still; ASIDE is a copy of it. CONTENT is the good file, or nothing."""
        entry = begun.entry
        if content is None and entry.has(CONTENT):
            return "kept: what was staged could not be read"
        entry.remove(ASIDE)
        if content is not None and content == begun.expected:
            return self._forward(begun)
        entry.discard()
        return "nothing had been moved yet; undone"

    def _same_stands(self, path: bytes, digest: str | None) -> bool:
        """Whether the very bytes that lie in an entry were just read in the file's place."""
        return digest is not None and digest_of(self._store, path)[1] == digest

    def _nothing_aside(self, begun: _Begun) -> str:
        begun.entry.discard()
        if begun.method is Method.WRITE and self._record_repaired(begun):
            return "the missing file had been written; finished"
        return "nothing had been moved yet; undone"

    def _record_repaired(self, begun: _Begun) -> bool:
        results = self._mender.check(begun.copy, begun.path)
        if worst([result.outcome for result in results]) is not Outcome.PASS:
            return False
        act = finished(begun.copy, begun.path, begun.method.value, None, self._mender.by)
        self._catalog.record_acts([act], results, self._mender.now())
        return True

    def _settle_segment(self, begun: _Begun) -> str:
        """Nothing is written over that does not lie in the entry, byte for byte."""
        wanted = self._catalog.entry(begun.copy.inventory_id, begun.path)
        assert wanted is not None and begun.segment is not None
        entry, piece = begun.entry, Piece(wanted, begun.segment)
        if not entry.has(CONTENT):
            return "left as it is: nothing of the segment was set aside" if entry.has(GOOD) else self._emptied(entry)
        now, token = segment_now(self._store, begun.full, piece)
        aside = self._digest(entry, CONTENT)
        good = entry.has(GOOD) and self._digest(entry, GOOD) == piece.sha256.hex()
        if now is None:
            return "kept: the segment could not be read"
        if now == aside and not good and not entry.sealed:
            entry.discard()
            return "nothing of the segment had been written yet; undone"
        if now != piece.sha256.hex() and good:
            if now != aside:
                token = set_aside(self._store, begun.full, entry, TORN, piece)
            entry.overwrite(begun.full, piece.offset, token)
        entry.seal(aside)
        self._record(begun, aside)
        entry.remove(GOOD)
        return "the segment had been set aside; finished"

    def _emptied(self, entry: Entry) -> str:
        entry.discard()
        return "nothing had been moved yet; undone"

    def _digest(self, entry: Entry, name: bytes) -> str | None:
        return digest_of(self._store, entry.location + b"/" + name)[1]

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
