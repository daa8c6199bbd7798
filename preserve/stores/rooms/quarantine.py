"""The quarantine of a replica far away: the same files and words as on a disk (see `preserve.stores.quarantine`).

Where the store can rename, names change places by three renames. Where it can only replace, bytes are copied through
this machine, each copy is read back, and nothing is taken away or written over before the same bytes were read
elsewhere. Whatever is killed in between, `preserve.repair.settling` can tell from the files where it stopped.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from functools import partial

from checks.digesting import Reading
from checks.ports import NotFoundError, StoreError
from preserve.errors import PreserveError, UndeterminedError
from preserve.stores.capabilities import Renaming, Replacing
from preserve.stores.identity import OURS, QUARANTINE
from preserve.stores.port import Sink, WritableStore
from preserve.stores.quarantine import ASIDE, CONTENT, DOCUMENT, GOOD, LIMIT_BYTES, MANIFEST
from preserve.stores.rooms.locking import Held, Terms, locked
from preserve.stores.rooms.writing import (
    content_of,
    copy,
    digested,
    given,
    names_below,
    place,
    put,
    reading,
    stands,
    writing,
)

LOCK = OURS + b"/repair.lock"


class FarQuarantine:
    """The quarantine of one replica."""

    def __init__(self, store: WritableStore, terms: Terms) -> None:
        self._store = store
        self._terms = terms
        self._lock: Held | None = None

    def _ensure_held(self) -> None:
        if self._lock is not None:
            self._lock.ensure()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps any other repair off this replica; UsageError if one is at work."""
        with locked(
            self._store,
            LOCK,
            busy="another `preserve` is repairing or deleting on this replica",
            remedy="Let it end, then run the command again.",
            terms=self._terms,
        ) as self._lock:
            try:
                yield
            finally:
                self._lock = None

    def begin(self, document: Mapping[str, object], at: datetime) -> "FarEntry":
        """A new entry: what is going to be set aside is written down before anything is moved."""
        name = f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}".encode()
        entry = FarEntry(self._store, name, self._ensure_held)
        content = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        try:
            entry.write(DOCUMENT, content.encode("utf-8", "backslashreplace"))
        except BaseException:
            with suppress(StoreError, PreserveError):
                entry.discard()
            raise
        return entry

    def entries(self) -> Iterator["FarEntry"]:
        """All entries, by name; what is no folder is passed over."""
        with reading(place(self._store, QUARANTINE)):
            names = names_below(self._store, QUARANTINE)
        for name in sorted(name.removesuffix(b"/") for name in names if name.endswith(b"/")):
            yield FarEntry(self._store, name, self._ensure_held)


class FarEntry:
    """One entry; see `preserve.stores.quarantine.Entry`.

    Args:
        ensure_held: raises UndeterminedError if another may be at work on this replica by now.
    """

    def __init__(self, store: WritableStore, name: bytes, ensure_held: Callable[[], None]) -> None:
        self._store = store
        self._ensure_held = ensure_held
        self.name = name
        self.location = QUARANTINE + b"/" + name

    def _at(self, name: bytes) -> bytes:
        return self.location + b"/" + name

    def _names(self) -> set[bytes]:
        with reading(place(self._store, self.location)):
            return set(names_below(self._store, self.location))

    def document(self) -> Mapping[str, object] | None:
        """What was going to be set aside; None if it is not there or cannot be understood.

        Raises:
            UndeterminedError: it is there, and could not be read now.
        """
        try:
            with reading(place(self._store, self._at(DOCUMENT))):
                document = json.loads(content_of(self._store, self._at(DOCUMENT), LIMIT_BYTES))
        except UndeterminedError as error:
            if isinstance(error.__cause__, NotFoundError):
                return None
            raise
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def holds_nothing(self) -> bool:
        """Whether there is nothing in it but what it says, or not even that: nothing set aside, staged or of others."""
        return self._names() <= {DOCUMENT}

    def has(self, name: bytes) -> bool:
        """Whether there is something of that name in the entry."""
        return stands(self._store, self._at(name))

    def file(
        self, name: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> AbstractContextManager[Sink]:
        """Writes one new file from the buffers given to the sink; nothing stands if they are not as was told."""
        path = self._at(name)
        return given(self._creating(path), place(self._store, path), size_bytes, sha256)

    def _creating(self, path: bytes) -> "partial[AbstractContextManager[Sink]]":
        return partial(self._store.create, path)

    def write(self, name: bytes, content: bytes) -> None:
        """A small file."""
        with self.file(name) as sink:
            sink(memoryview(content))

    def exchange(self, path: bytes) -> None:
        """CONTENT and the file at `path` (below the replica's root) change places.

        Raises:
            UndeterminedError: it could not be done. Each of the two is then still whole somewhere; see `settling`.
        """
        self._ensure_held()
        if isinstance(self._store, Renaming):
            with writing(place(self._store, path)):
                self._store.rename(path, self._at(ASIDE))
                self._store.rename(self._at(CONTENT), path)
                self._store.rename(self._at(ASIDE), self._at(CONTENT))
            return
        # ASIDE holds the bad bytes from before the place is written until CONTENT was read back.
        bad = copy(self._store, path, self._creating(self._at(ASIDE)), self._at(ASIDE))
        self._replace(path, bad)
        self.remove(CONTENT)
        copy(self._store, self._at(ASIDE), self._creating(self._at(CONTENT)), self._at(CONTENT))
        self.remove(ASIDE)

    def _replace(self, path: bytes, bad: Reading) -> None:
        """Puts CONTENT's bytes over just the file that was set aside."""
        store = self._store
        assert bad.stat is not None
        if not isinstance(store, Replacing):
            self.remove(ASIDE)
            raise UndeterminedError(f"{store.where}: can neither rename nor replace files, so nothing is mended there")
        try:
            copy(store, self._at(CONTENT), partial(store.replacing, path, bad.stat.token), path)
        except UndeterminedError:
            # An answer may have been lost on its way: what stands there now tells, if it can be read.
            if (now := digested(store, path)).sound and now.digests == bad.digests:
                self.remove(ASIDE)
            raise

    def take(self, path: bytes) -> None:
        """What stands at `path` becomes CONTENT, with nothing in its place."""
        self._move(path, self._at(CONTENT))

    def give(self, name: bytes, path: bytes, *, make: bool = False) -> None:
        """A file of the entry goes to `path`, which must be free; `make` makes the folders above it."""
        if make and isinstance(self._store, Renaming):
            self._make_folder(path.rpartition(b"/")[0])
        self._move(self._at(name), path)

    def _make_folder(self, folder: bytes) -> None:
        """A store makes folders for the files in them only: one is made, and taken away again."""
        if not folder or stands(self._store, folder):
            return
        passing = folder + b"/." + secrets.token_hex(8).encode() + b".partial"
        with writing(place(self._store, folder)):
            put(self._store, passing, b"")
            self._store.remove(passing)

    def _move(self, source: bytes, target: bytes) -> None:
        self._ensure_held()
        store = self._store
        if isinstance(store, Renaming):
            with writing(place(store, target)):
                store.rename(source, target)
            return
        found = copy(store, source, self._creating(target), target)
        with writing(place(store, source)):
            now = store.stat(source)
            if found.stat is None or now.token != found.stat.token:
                raise StoreError("it changed while it was copied; it was left", cause="changed")
            store.remove(source)

    def overwrite(self, path: bytes, offset: int, token: object) -> None:
        """Raises UndeterminedError: no part of a file far away is written over; the whole of it is replaced."""
        raise UndeterminedError(
            f"{place(self._store, path)}: no part of a file can be written over there; nothing was written",
            remedy="Run `preserve repair` again; the whole file is replaced.",
        )

    @property
    def sealed(self) -> bool:
        """Whether it has its manifest."""
        return self.has(MANIFEST)

    def seal(self, digest: str | None) -> None:
        """Writes the entry's manifest, if what was set aside is a file that could be read."""
        if digest is not None:
            self.remove(MANIFEST)
            self.write(MANIFEST, f"{digest}  {CONTENT.decode()}\n".encode("ascii"))

    def remove(self, name: bytes) -> None:
        """Takes away a staged file of ours."""
        with writing(place(self._store, self._at(name))), suppress(NotFoundError):
            self._store.remove(self._at(name))

    def discard(self) -> None:
        """Takes the entry away; see `preserve.stores.quarantine.Entry.discard`."""
        if self._names() - {CONTENT, GOOD, MANIFEST, DOCUMENT}:
            return
        for name in (CONTENT, GOOD, MANIFEST, DOCUMENT):
            self.remove(name)
        with writing(place(self._store, self.location)), suppress(NotFoundError):
            self._store.remove_folder(self.location)
