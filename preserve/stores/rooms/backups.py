"""Backups of the catalog on a replica far away: the same files as on a disk, see `preserve.stores.backups`.

A file stands there whole or not at all, so nothing is staged: what has no description does not count.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

from checks.digesting import Digester, Wanted
from checks.ports import Kind, NotFoundError, Source
from preserve.errors import PreserveError
from preserve.stores.backups import (
    FOLDER,
    LIMIT_BYTES,
    NAME,
    Described,
    described_by,
    description,
    is_uuid,
    left_half,
    newest_first,
    refuse_other,
    refuse_too_many,
    stem_of,
    superfluous,
)
from preserve.stores.local import LocalStore
from preserve.stores.port import WritableStore
from preserve.stores.rooms.writing import content_of, digested, given, place, put, reading, writing

_REMEDY = "Look at this place and the way to it, then run the command again."


class FarBackups:
    """The backups of one catalog on one replica. Only one process may write there: whoever holds the catalog's lock.

    All of it raises UndeterminedError where the store cannot tell what is there.
    """

    def __init__(self, store: WritableStore, catalog: UUID) -> None:
        self._store = store
        self._catalog = catalog
        self._folder = FOLDER + b"/" + str(catalog).encode()
        self._where = place(store, self._folder)

    def _at(self, name: bytes) -> bytes:
        return self._folder + b"/" + name

    def kept(self) -> list[Described]:
        """What is there and described, newest first. What it is worth shows when it is read."""
        return newest_first(self._described(name) for name in self._names())

    def misfits(self) -> set[bytes]:
        """Names of files that are not there, or not of the size described, or whose description cannot be read."""
        stems = {os.path.splitext(name)[0] for name in self._names() if not name.startswith(b".")}
        return {stem + b".sqlite" for stem in stems if not self._fits(stem + b".sqlite")}

    def open(self, backup: Described) -> Source:
        """Opens one; StoreError if that cannot be."""
        return self._store.open(self._at(backup.name), past_cache=True, expected_bytes=backup.size_bytes)

    def place(self, source: bytes, backup: Described) -> None:
        """Places a copy of the file `source` of this machine: written, read back, then described.

        What killed runs left half goes first. What this one cannot finish goes too.

        Raises:
            UndeterminedError: it cannot be written, or did not read back as it was written.
        """
        self._clear_away()
        try:
            self._write(source, backup)
            described = self._at(backup.stem + b".json")
            with writing(place(self._store, described)):
                put(self._store, described, description(backup))
        except BaseException:
            with suppress(PreserveError):  # the next run does it, if this cannot
                self._clear_away()
            raise

    def prune(self, keep: int, standing: Described, placed: Sequence[tuple[bytes, bytes]]) -> int:
        """Takes away the oldest; how many went. See `preserve.stores.backups.Backups.prune`."""
        gone = superfluous(self.kept(), keep, standing, placed)
        for backup in gone:
            self._remove(backup.stem + b".json")  # from here on it does not count
            self._remove(backup.name)
        return len(gone)

    def _write(self, source: bytes, backup: Described) -> None:
        at, _, name = source.rpartition(b"/")
        path, local = self._at(backup.name), LocalStore(at or b"/")
        create = partial(self._store.create, path)
        with given(create, place(self._store, path), backup.size_bytes, backup.sha256) as sink:
            opened = partial(local.open, name, past_cache=False)
            read = Digester(("sha256",)).read(Wanted(path=name, open=opened, expected_bytes=None, sink=sink))
        refuse_other(read, backup, "the catalog's copy changed while it was placed")
        said = "what was written did not read back as it was written"
        refuse_other(digested(self._store, path), backup, said, _REMEDY)

    def _clear_away(self) -> None:
        for name in left_half(self._names()):
            self._remove(name)

    def _remove(self, name: bytes) -> None:
        with writing(place(self._store, self._at(name))), suppress(NotFoundError):
            self._store.remove(self._at(name))

    def _names(self) -> list[bytes]:
        """The regular files with names of ours."""
        with reading(self._where):
            try:
                found = self._store.names_in(self._folder)
            except NotFoundError:
                return []
        return refuse_too_many(name for name, kind, _ in found if kind is Kind.FILE and NAME.match(name))

    def _fits(self, name: bytes) -> bool:
        backup = self._described(name)
        with reading(place(self._store, self._at(name))):
            try:
                found = self._store.stat(self._at(name))
            except NotFoundError:
                return False
        return backup is not None and found.kind is Kind.FILE and found.size_bytes == backup.size_bytes

    def _described(self, name: bytes) -> Described | None:
        stem = stem_of(name)
        if stem is None:
            return None
        path = self._at(stem + b".json")
        with reading(place(self._store, path)):
            try:
                content = content_of(self._store, path, LIMIT_BYTES)
            except NotFoundError:
                return None
        return described_by(content, stem, self._catalog)


def catalogs_on(store: WritableStore) -> list[UUID]:
    """The catalogs that have a folder of backups there; UndeterminedError if it cannot be told."""
    with reading(place(store, FOLDER)):
        try:
            found = store.names_in(FOLDER)
        except NotFoundError:
            return []
    folders = (name.removesuffix(b"/") for name, kind, _ in found if kind is Kind.DIRECTORY)
    named = (name for name in folders if is_uuid(name.decode("ascii", "replace")))
    return sorted(UUID(name.decode()) for name in refuse_too_many(named))


def holds_traces(store: WritableStore) -> bool:
    """Whether anything lies where backups lie; UndeterminedError if it cannot be told."""
    with reading(place(store, FOLDER)):
        try:
            return len(store.names_in(FOLDER)) > 0
        except NotFoundError:
            return False
