"""Deleting a copy that is far away, where no rename sets it apart: its declaration goes first, then all else.

Before the declaration goes, a note under `.preserve/removed/` says of the place that what lies there is being deleted:
whatever is killed in between, the next run goes on by it. It is taken away when nothing is left. Where a declaration
stands all the same, what lies there is looked at again: the note is of a copy, not of whatever comes into its place.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from uuid import UUID

from checks.digesting import Digester, Wanted
from checks.names import path_fields, show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.bag.tags import declaration
from preserve.catalog.rows import CopyRow
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.repair.belonging import LOOK, Expected, refuse_another
from preserve.stores.identity import REMOVED
from preserve.stores.port import ReplicaStore, Staging, WritableStore
from preserve.stores.rooms.emptying import emptied
from preserve.stores.rooms.replica import RemoteReplica
from preserve.stores.rooms.writing import content_of, put, reading, writing

_LIMIT_BYTES = 64 << 10


def delete_afar(
    store: ReplicaStore,
    staging: Staging,
    package: UUID,
    copy: CopyRow,
    expected: Expected,
    progress: Progress,
) -> bool:
    """Deletes what was staged of a copy and the copy itself; whether there was anything. Both rooms are held.

    Raises:
        UsageError: what stands there is not this package's copy; it is left.
        UndeterminedError: it cannot be looked at, or not all of it deleted.
    """
    for _ in staging.empty():
        progress.advance(files=1)
    name = f"{package}-v{copy.version}".encode()
    begun = _Note(store, REMOVED + b"/" + name, copy.location)
    if not begun.stands():
        if not _look(store, package, copy, expected):
            return False
        begun.write()
    elif _is_declared(store, copy.location):
        # The declaration goes first: it had not gone yet, or somebody laid another bag there since.
        _look(store, package, copy, expected)
    _take_away(store, copy.location, progress)
    begun.remove()
    return True


def _look(store: ReplicaStore, package: UUID, copy: CopyRow, expected: Expected) -> bool:
    """Whether anything stands there; UsageError if it is not this package's copy."""
    where = _place(store, copy.location)
    with reading(where):
        try:
            kind = store.stat(copy.location).kind
        except NotFoundError:
            return False
        if kind is not Kind.DIRECTORY:
            raise UsageError(f"{show(copy.location)} is no folder; it was left", remedy=LOOK)
        refuse_another(_TagFiles(store, copy.location), copy.location, package, expected)
    return True


def _is_declared(store: ReplicaStore, location: bytes) -> bool:
    path = location + b"/" + declaration.NAME
    with reading(_place(store, path)):
        try:
            store.stat(path)
        except NotFoundError:
            return False
    return True


def _take_away(store: ReplicaStore, location: bytes, progress: Progress) -> None:
    """The declaration first: what is left of a copy must not be taken for a bag."""
    first = location + b"/" + declaration.NAME
    with writing(_place(store, first)), suppress(NotFoundError):
        store.remove(first)
        progress.advance(files=1)
    beneath: WritableStore = store.store if isinstance(store, RemoteReplica) else store
    for _ in emptied(beneath, location):
        progress.advance(files=1)
    with reading(_place(store, location)), suppress(NotFoundError):
        for listed in store.listing(location):
            left = location + b"/" + listed.path
            raise UndeterminedError(
                f"{_place(store, left)}: it is still there, or was written meanwhile",
                remedy="Find out who writes there; then run the same command again.",
            )


class _Note:
    """What says that the copy at a place is being deleted."""

    def __init__(self, store: ReplicaStore, path: bytes, location: bytes) -> None:
        self._store = store
        self._path = path
        self._where = _place(store, path)
        self._location = path_fields(location)

    def stands(self) -> bool:
        with reading(self._where):
            try:
                content = content_of(self._store, self._path, _LIMIT_BYTES)
            except NotFoundError:
                return False
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or said.get("location") != self._location:
            raise UsageError(
                f"{self._where} cannot be understood, or is of another place; nothing was deleted",
                remedy="Look at it; if it is of no use any more, take it away, then run the command again.",
            )
        return True

    def write(self) -> None:
        document = {"location": self._location, "note": "What lies there is being deleted by `preserve remove`."}
        with writing(self._where):
            put(self._store, self._path, json.dumps(document, indent=2).encode() + b"\n")

    def remove(self) -> None:
        with writing(self._where), suppress(NotFoundError):
            self._store.remove(self._path)


class _TagFiles:
    """See `preserve.repair.belonging.TagFiles`."""

    def __init__(self, store: ReplicaStore, folder: bytes) -> None:
        self._store = store
        self._folder = folder

    def names(self) -> Iterable[bytes]:
        return [name.rstrip(b"/") for name, _, _ in self._store.names_in(self._folder)]

    def content(self, name: bytes, limit_bytes: int) -> bytes | None:
        full = self._folder + b"/" + name
        try:
            return content_of(self._store, full, limit_bytes) if self._is_file(full) else None
        except NotFoundError:
            return None

    def sha256(self, name: bytes) -> bytes | None:
        full = self._folder + b"/" + name
        if not self._is_file(full):
            return None
        wanted = Wanted(path=name, open=partial(self._store.open, full, past_cache=True), expected_bytes=None)
        read = Digester(("sha256",)).read(wanted)
        if read.missing:
            return None
        if not read.sound:
            raise StoreError(f"{show(full)}: could not be read", cause=read.problem or "changed")
        return read.digests["sha256"]

    def _is_file(self, path: bytes) -> bool:
        try:
            return self._store.stat(path).kind is Kind.FILE
        except NotFoundError:
            return False


def _place(store: ReplicaStore, path: bytes) -> str:
    return f"{store.where.rstrip('/')}/{show(path)}"
