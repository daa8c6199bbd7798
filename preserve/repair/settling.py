"""Settling what a killed repair left on a replica: finished where it was nearly done, undone where it had hardly begun.

An entry of the quarantine that the journal does not know was begun and not recorded. Nothing is deleted that is not a
copy of bytes that were just read elsewhere: a good `content` goes only if a good file stands in its place, that of a
segment only while the file still has the same bytes, and nothing that has its manifest.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from checks.evidence import Outcome, worst
from checks.findings import Code
from checks.names import show
from checks.ports import NotFoundError, StoreError
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, ReplicaRow
from preserve.errors import PreserveError, UndeterminedError
from preserve.repair.acts import entries_recorded, finished
from preserve.repair.begun import Begun, begun_by
from preserve.repair.mending import Mender
from preserve.repair.planning import Method
from preserve.repair.reading import Piece, digest_of, segment_now
from preserve.repair.segments import set_aside
from preserve.stores.identity import QUARANTINE
from preserve.stores.port import Entry, ReplicaStore
from preserve.stores.quarantine import ASIDE, CONTENT, GOOD, MANIFEST, TORN

_OURS = {name: frozenset({name}) for name in (CONTENT, GOOD, MANIFEST)}


class Settler:
    """Settles entries of one replica that is there and held by this process."""

    def __init__(self, catalog: Catalog, mender: Mender, replica: ReplicaRow, store: ReplicaStore) -> None:
        self._catalog = catalog
        self._mender = mender
        self._replica = replica
        self._store = store

    def settle(self) -> Iterator[str]:
        """Settles every entry that the journal does not know; says of each what was done.

        Raises:
            StoreError, UndeterminedError: the quarantine cannot be listed, or what lies in it not be flushed.
        """
        known = entries_recorded(self._catalog, str(self._replica.uuid))
        copies = {(copy.package, copy.version): copy for copy in self._catalog.copies(replica_ids=[self._replica.id])}
        entries = self._entries()
        unknown = [entry for entry in entries if os.fsdecode(entry.name) not in known]
        if unknown:
            # What the killed run wrote and renamed may be in memory only, and what is recorded of it must last.
            self._store.flush()
        for entry in unknown:
            yield from _told(entry, partial(self._settle_unknown, entry, copies))
        if len(entries) > len(unknown):
            within = self._within()
            for entry in entries:
                if os.fsdecode(entry.name) in known:
                    yield from _told(entry, partial(self._finish, entry, within.get(entry.name, frozenset())))

    def _entries(self) -> list[Entry]:
        try:
            return list(self._store.quarantine().entries())
        except OSError as error:
            raise UndeterminedError(f"{self._store.where}/{show(QUARANTINE)}: {error.strerror}") from error

    def _within(self) -> Mapping[bytes, frozenset[bytes] | str]:
        """What stands in each entry, or why that cannot be told.

        One listing of all: entries are never deleted, and far away each question takes its time and costs money.
        """
        found: dict[bytes, frozenset[bytes] | str] = {}
        for listed in self._store.listing(QUARANTINE):
            name, _, file = listed.path.partition(b"/")
            before = found.get(name, frozenset())
            if listed.problem is not None and not name:
                raise StoreError(f"{show(QUARANTINE)} cannot be listed: {listed.problem}", cause=listed.problem)
            if listed.problem is not None and not file:
                found[name] = listed.problem
            elif file in _OURS and not isinstance(before, str):
                found[name] = before | _OURS[file]
        return found

    def _settle_unknown(self, entry: Entry, copies: Mapping[tuple[str, int], CopyRow]) -> str:
        begun = begun_by(entry, copies, self._catalog)
        if begun is not None:
            return self._settle(begun)
        if entry.holds_nothing():
            entry.discard()  # killed, or out of room, before it could say what for
            return ""
        return "left as it is; it is of no package in care here, or cannot be understood"

    def _finish(self, entry: Entry, within: frozenset[bytes] | str) -> str:
        """What a run could not do any more after its record. Most entries are whole, and nothing more is asked."""
        if isinstance(within, str):
            raise StoreError(f"it cannot be listed: {within}", cause=within)
        if GOOD in within:
            entry.remove(GOOD)
        if MANIFEST not in within and CONTENT in within:
            entry.seal(self._digest(entry, CONTENT))
        return ""

    def _settle(self, begun: Begun) -> str:
        entry = begun.entry
        if begun.piece is not None:
            return self._settle_segment(begun, begun.piece)
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

    def _forward(self, begun: Begun) -> str:
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

    def _settle_aside(self, begun: Begun) -> str:
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

    def _not_replaced(self, begun: Begun, content: str | None) -> str:
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

    def _nothing_aside(self, begun: Begun) -> str:
        begun.entry.discard()
        if begun.method is Method.WRITE and self._record_repaired(begun):
            return "the missing file had been written; finished"
        return "nothing had been moved yet; undone"

    def _record_repaired(self, begun: Begun) -> bool:
        results = self._mender.check(begun.copy, begun.path)
        if worst([result.outcome for result in results]) is not Outcome.PASS:
            return False
        act = finished(begun.copy, begun.path, begun.method.value, None, self._mender.by)
        self._catalog.record_acts([act], results, self._mender.now())
        return True

    def _settle_segment(self, begun: Begun, piece: Piece) -> str:
        """Nothing is written over that does not lie in the entry, byte for byte."""
        entry = begun.entry
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

    def _record(self, begun: Begun, digest: str | None) -> None:
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

    def _stands(self, path: bytes) -> bool:
        try:
            self._store.stat(path)
        except NotFoundError:
            return False
        except StoreError:
            return True  # unknown: nothing is put over it
        return True


def _told(entry: Entry, work: Callable[[], str]) -> list[str]:
    """What was done about one entry; what goes wrong with it does not keep the others from being settled."""
    name = os.fsdecode(entry.name)
    try:
        done = work()
    except PreserveError as error:
        done = f"left as it is; {error.message}"
    except (StoreError, OSError) as error:
        done = f"left as it is; {error}"
    return [f"{name}: {done}"] if done else []
