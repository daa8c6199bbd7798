"""Copies in the making on a replica far away.

Where the store can rename, they are made in `.preserve/staging/<name>/` and get their place by one rename, as on a
disk. Where it cannot, they are made in their place, and an object `.preserve/staging/<name>`, made before the first
file and taken away after the last, says that what lies there is no copy yet.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from checks.names import show
from checks.ports import NotFoundError, StoreError
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.capabilities import GivingUp, Renaming, Resuming
from preserve.stores.identity import STAGING
from preserve.stores.port import ExistsError, Sink, WritableStore
from preserve.stores.rooms.emptying import emptied
from preserve.stores.rooms.locking import Held, Terms, locked
from preserve.stores.rooms.resuming import Opener, skipping
from preserve.stores.rooms.staged_files import StagedFiles
from preserve.stores.rooms.writing import content_of, given, place, put, reading, stands, writing

_FORMAT = b"preserve-unfinished/1\n"
_LIMIT_BYTES = 64 << 10
_RESUMED_FROM_BYTES = 8 << 20  # a smaller file is sent again sooner than asked for


class _Base:
    """What both ways have in common."""

    def __init__(self, store: WritableStore, name: bytes, location: bytes, terms: Terms) -> None:
        self._store = store
        self._lock_path = STAGING + b"/" + name + b".lock"
        self._terms = terms
        self.location = location
        self._files = StagedFiles(store, location)
        self._held: Held | None = None
        self._anew: set[bytes] = set()  # what was begun with other bytes than were wanted
        self._unsure: set[bytes] = set()  # what could not be written, or was, and nobody said so

    @property
    def _where(self) -> str:
        return place(self._store, self.location)

    def _locked(self) -> AbstractContextManager[Held]:
        return locked(
            self._store,
            self._lock_path,
            busy=f"{self._where}: another `preserve` is writing this copy",
            remedy="Let it end, then run the command again.",
            terms=self._terms,
        )

    def _ensure_held(self) -> None:
        if self._held is not None:
            self._held.ensure()

    def size_of(self, path: bytes) -> int | None:
        """The size in bytes of what is staged there already; None if no file of ours is."""
        return self._files.size_of(path)

    def _begin(self) -> None:
        """Done before the first file."""

    @contextmanager
    def file(
        self,
        path: bytes,
        modified_ns: int | None = None,
        *,
        size_bytes: int | None = None,
        sha256: bytes | None = None,
        offset: int | None = None,
    ) -> Iterator[Sink]:
        """Writes one new file from the buffers given to the sink, in order; what an earlier run left goes first.

        Where all of a file is given that was cut off, only what is not there yet is sent again. It stands when the
        context has ended, unless other bytes were given than `sha256` is of.

        Args:
            offset: as `resumable` said: the sink is given only what comes after it, and `size_bytes` is needed.
                None: it is given all.
        """
        self._begin()
        self.discard(path)
        self._clear(path)
        try:
            with self._opened(path, modified_ns, size_bytes, sha256, offset) as sink:
                yield sink
        except UndeterminedError:
            self._unsure.add(path)
            raise
        self._note(path)

    @contextmanager
    def _opened(
        self, path: bytes, modified_ns: int | None, size_bytes: int | None, sha256: bytes | None, offset: int | None
    ) -> Iterator[Sink]:
        full = self.location + b"/" + path
        where, done = place(self._store, full), partial(self._files.put, path)
        stands_bytes = self.resumable(path, size_bytes or 0) if offset is None else offset
        if not stands_bytes or size_bytes is None or not isinstance(self._store, Resuming):
            create = partial(self._store.create, full, modified_ns=modified_ns)
            with given(create, where, size_bytes, sha256, done) as sink:
                yield sink
            return
        resume = partial(
            self._store.resume, full, stands_bytes, size_bytes=size_bytes, sha256=sha256, modified_ns=modified_ns
        )
        if offset:
            with given(Opener(resume), where, size_bytes - offset, None, lambda _: done(size_bytes)) as sink:
                yield sink
        else:
            with given(Opener(lambda: skipping(resume(), stands_bytes)), where, size_bytes, sha256, done) as sink:
                yield sink

    def _clear(self, path: bytes) -> None:
        """Takes away what an earlier try may have left under its name, without an answer that said so."""
        if path in self._unsure:
            self._ensure_held()  # else it may be what another one wrote
            full = self.location + b"/" + path
            with writing(place(self._store, full)), suppress(NotFoundError):
                self._store.remove(full)
            self._unsure.discard(path)

    def _note(self, path: bytes) -> None:
        """Of a file that was not the one wanted, nothing is gone on with."""
        (self._anew.discard if self._files.has(path) else self._anew.add)(path)

    def resumable(self, path: bytes, size_bytes: int) -> int:
        """How many bytes of a file that was cut off stand and need not be given again; 0 where it begins anew.

        Args:
            size_bytes: of the whole file. Each question has its price: of a small one nothing is asked.
        """
        if size_bytes < _RESUMED_FROM_BYTES or not isinstance(self._store, Resuming) or path in self._anew:
            return 0
        full = self.location + b"/" + path
        with writing(place(self._store, full)):
            return self._store.written(full)

    def discard(self, path: bytes) -> None:
        """Takes away one staged file, which is ours and no copy."""
        if self._files.has(path):
            full = self.location + b"/" + path
            with writing(place(self._store, full)), suppress(NotFoundError):
                self._store.remove(full)
            self._files.put(path, None)
            self._anew.add(path)

    def flush(self) -> None:
        """Every write is durable when it returns; so nothing is left to be done."""

    def free_bytes(self) -> int | None:
        """What the far side says is left for us, in bytes."""
        with reading(self._store.where):
            return self._store.free_bytes()


class FolderStaging(_Base):
    """In a folder of ours, renamed to its place. The store is `Renaming`."""

    def __init__(self, store: WritableStore, name: bytes, location: bytes, terms: Terms) -> None:
        super().__init__(store, name, STAGING + b"/" + name, terms)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps any other process out of the folder; UsageError if one is in it."""
        with self._locked() as self._held:
            self._files.forget()
            try:
                yield
            finally:
                self._held = None
                with suppress(StoreError):
                    self._store.remove_folder(self.location)  # only if nothing is in it

    def begun(self) -> bool:
        """Never: it is made elsewhere."""
        return False

    def clear_away(self) -> None:
        """Takes away what a run left that was killed after its copy was recorded: an empty folder, its lock."""
        if stands(self._store, self.location) or stands(self._store, self._lock_path):
            with suppress(UsageError), self.held():
                pass

    def empty(self) -> Iterator[bytes]:
        """Takes away all that was staged, and tells each file after it went."""
        self._ensure_held()
        yield from emptied(self._store, self.location)
        self._files.forget()

    def publish(self, location: bytes) -> None:
        """Renames the staging to its place; it must be free."""
        self._ensure_held()
        assert isinstance(self._store, Renaming)
        with writing(place(self._store, location)):
            self._store.rename(self.location, location)
        self._files.forget()


class PlaceStaging(_Base):
    """In its place, with a marker that says so."""

    def __init__(self, store: WritableStore, name: bytes, location: bytes, terms: Terms) -> None:
        super().__init__(store, name, location, terms)
        self._marker = STAGING + b"/" + name
        self._begun = False
        self._beginning = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps any other process from this copy; UsageError if one is at it."""
        with self._locked() as self._held:
            self._files.forget()
            self._begun = False
            try:
                yield
            finally:
                self._held = None

    def begun(self) -> bool:
        """Whether a marker stands, and says that what lies there is unfinished."""
        try:
            with reading(place(self._store, self._marker)):
                content = content_of(self._store, self._marker, _LIMIT_BYTES)
        except UndeterminedError as error:
            if isinstance(error.__cause__, NotFoundError):
                return False
            raise
        if content != _FORMAT + self.location + b"\n":
            raise UsageError(
                f"{place(self._store, self._marker)}: says of another place than {show(self.location)} that it is "
                "unfinished; nothing was written",
                remedy="`preserve` did not make it so. Look at both, and find out who did.",
            )
        return True

    def _begin(self) -> None:
        """The marker first; and none is made where things lie that no run of ours left unfinished."""
        with self._beginning:
            if self._begun:
                return
            if not self.begun():
                if self._files.any():
                    raise UsageError(
                        f"{self._where}: something is there already, and it is no copy that was left unfinished; "
                        "nothing was written",
                        remedy="Look at what is there; move it away if it is not needed, then run the command again.",
                    )
                with writing(place(self._store, self._marker)), suppress(ExistsError):
                    put(self._store, self._marker, _FORMAT + self.location + b"\n")
            self._begun = True

    def discard(self, path: bytes) -> None:
        """Takes away one file of a copy that is unfinished; of one that is not, none."""
        if self._files.has(path):
            self._begin()
            super().discard(path)

    def clear_away(self) -> None:
        """Takes away a lock that a killed run left."""
        if stands(self._store, self._lock_path):
            with suppress(UsageError), self.held():
                pass

    def empty(self) -> Iterator[bytes]:
        """Takes away all of a copy that was left unfinished, the marker last, and tells each file after it went.

        Nothing of what no marker calls unfinished is touched.
        """
        self._ensure_held()
        if self.begun():
            yield from emptied(self._store, self.location)
            self._files.forget()
            if isinstance(self._store, GivingUp):
                with writing(self._where):
                    self._store.give_up(self.location)
            self._unmark()

    def publish(self, location: bytes) -> None:
        """Takes the marker away: from now on it is a copy."""
        if location != self.location:
            raise ValueError("it was made in its place")
        self._ensure_held()
        self._unmark()

    def _unmark(self) -> None:
        self._begun = False
        with writing(place(self._store, self._marker)), suppress(NotFoundError):
            self._store.remove(self._marker)


def staging_on(store: WritableStore, name: bytes, location: bytes, terms: Terms) -> FolderStaging | PlaceStaging:
    """For the copy that is going to lie at `location`."""
    kind = FolderStaging if isinstance(store, Renaming) else PlaceStaging
    return kind(store, name, location, terms)
