"""What stores in memory have in common; see `preserve.stores.memory`.

They keep every promise of `preserve.stores.port`, and can be made to break off at any call.
"""

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError, WrongKindError
from preserve.stores.identity import IDENTITY_FILE, NO_IDENTITY, identity_from
from preserve.stores.local import Name
from preserve.stores.port import ExistsError, FullError, Sink

Hook = Callable[[str, bytes], None]  # what is going to be done (`create`, `write`, `stat`, ...), and where


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    version: int
    modified_ns: int | None = None


class _Source:
    """An open file, as it was when it was opened; its stat is asked anew."""

    evidence = Evidence.READ

    def __init__(self, store: "MemoryStore", path: bytes, content: bytes, offset: int) -> None:
        self.path = path
        self._store = store
        self._content = content
        self._place = offset

    def stat(self) -> Stat:
        return self._store.stat(self.path)

    def readinto(self, buffer: memoryview) -> int:
        self._store.hook("read", self.path)
        piece = self._content[self._place : self._place + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def close(self) -> None:
        """Nothing is held."""


class MemoryStore:
    """What both kinds have in common: a `WritableStore`, `Resuming`, `Sizing`.

    Attributes:
        files: by path; for a look from outside, and for damage (`flip`, `tear`).
        hook: called before each thing that is done; what it raises goes to whoever asked.
        there: whether the store answers at all.
        room_bytes: what may still be written; None: no end.
    """

    def __init__(self, *, in_flight: int = 1) -> None:
        self.in_flight = in_flight
        self.where = "memory://replica"
        self.hook: Hook = lambda what, path: None
        self.there = True
        self.room_bytes: int | None = None
        self._lock = threading.RLock()
        self._versions = 0
        self._files: dict[bytes, _File] = {}
        self._unfinished: dict[bytes, bytes] = {}

    # ---- for tests ----

    @property
    def files(self) -> dict[bytes, bytes]:
        """A copy of what is there."""
        with self._lock:
            return {path: file.content for path, file in self._files.items()}

    def flip(self, path: bytes, bit: int = 0) -> None:
        """Turns one bit of a file."""
        with self._lock:
            content = bytearray(self._files[path].content)
            content[bit // 8] ^= 0x80 >> bit % 8
            self._put(path, bytes(content), None)

    def tear(self, path: bytes, size_bytes: int) -> None:
        """Cuts a file short."""
        with self._lock:
            self._put(path, self._files[path].content[:size_bytes], None)

    def lay(self, path: bytes, content: bytes) -> None:
        """Puts a file there, whatever stood there."""
        with self._lock:
            self._make_folders(path)
            self._put(path, content, None)

    # ---- reading ----

    def identity(self) -> str:
        """See `checks.ports.Store`."""
        self._asked("identity", b"")
        with self._lock:
            file = self._files.get(IDENTITY_FILE)
        if file is None:
            raise UnavailableError(f"{self.where}: {NO_IDENTITY}", cause=NO_IDENTITY)
        return identity_from(file.content, IDENTITY_FILE).uuid

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`."""
        self._asked("stat", path)
        with self._lock:
            file = self._files.get(path)
            if file is not None:
                return Stat(Kind.FILE, len(file.content), (file.version, len(file.content)), file.modified_ns)
            if self._is_folder(path):
                return Stat(Kind.DIRECTORY, 0, None)
        raise NotFoundError(f"{show(path)}: nothing is there")

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store`."""
        for path, _ in self.sizes(root):
            yield Listed(path, Kind.FILE)

    def sizes(self, root: bytes) -> Iterator[tuple[bytes, int]]:
        """See `preserve.stores.capabilities.Sizing`."""
        self._asked("listing", root)
        prefix = root + b"/" if root else b""
        with self._lock:
            if root and not self._is_folder(root):
                raise NotFoundError(f"{show(root)}: no such folder")
            found = [
                (path.removeprefix(prefix), len(file.content))
                for path, file in self._files.items()
                if path.startswith(prefix)
            ]
        yield from found

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """See `preserve.stores.port.WritableStore`."""
        self._asked("names_in", folder)
        prefix = folder + b"/" if folder else b""
        with self._lock:
            if folder and not self._is_folder(folder):
                raise NotFoundError(f"{show(folder)}: no such folder")
            found = set[bytes]()
            for path in (*self._files, *(each + b"/" for each in self._folders())):
                name, slash, _ = path.removeprefix(prefix).partition(b"/")
                if path.startswith(prefix) and name:
                    found.add(name + slash)
        return [(name, Kind.DIRECTORY if name.endswith(b"/") else Kind.FILE, None) for name in sorted(found)]

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> _Source:
        """See `checks.ports.Store`."""
        self._asked("open", path)
        with self._lock:
            file = self._files.get(path)
            if file is None and self._is_folder(path):
                raise WrongKindError(f"{show(path)}: a folder")
        if file is None:
            raise NotFoundError(f"{show(path)}: nothing is there")
        return _Source(self, path, file.content, offset)

    # ---- writing ----

    def create(
        self, path: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.port.WritableStore`."""
        return self._written(path, bytearray(), None, size_bytes, sha256, modified_ns)

    def written(self, path: bytes) -> int:
        """See `preserve.stores.capabilities.Resuming`."""
        self._asked("written", path)
        with self._lock:
            return len(self._unfinished.get(path, b""))

    def resume(
        self, path: bytes, offset: int, *, size_bytes: int, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.capabilities.Resuming`."""
        with self._lock:
            content = bytearray(self._unfinished.get(path, b"")[:offset])
        if len(content) != offset:
            raise StoreError(f"{show(path)}: {offset} bytes of it do not stand there", cause="changed")
        return self._written(path, content, None, size_bytes, sha256, modified_ns)

    @contextmanager
    def _written(
        self,
        path: bytes,
        content: bytearray,
        over: object,
        size_bytes: int | None,
        sha256: bytes | None,
        modified_ns: int | None,
    ) -> Iterator[Sink]:
        self._asked("create" if over is None else "replacing", path)
        if (why := self.refused(path)) is not None:
            raise StoreError(f"{show(path)}: {why}", cause="EINVAL")
        with self._lock:
            self._refuse_taken(path, over)

        def sink(buffer: memoryview) -> None:
            with self._cut_off(path, content):
                self._asked("write", path)
            content.extend(buffer)

        with self._cut_off(path, content):
            yield sink
        self._asked("finish", path)
        if size_bytes not in (None, len(content)) or sha256 not in (None, hashlib.sha256(content).digest()):
            raise StoreError(f"{show(path)}: other bytes came than were told", cause="BadDigest")
        with self._lock:
            self._refuse_taken(path, over)
            if self.room_bytes is not None and len(content) > self.room_bytes:
                raise FullError("no room is left", cause="ENOSPC")
            self._make_folders(path)
            self._put(path, bytes(content), modified_ns)
            self._unfinished.pop(path, None)
        self.hook("finished", path)

    @contextmanager
    def _cut_off(self, path: bytes, content: bytearray) -> Iterator[None]:
        """Of what is cut off, that which came stands there, under no name."""
        try:
            yield
        except StoreError as error:
            if error.cause == "ECONNRESET":
                self._unfinished[path] = bytes(content)
            raise

    def append(self, path: bytes, content: bytes) -> None:
        """See `preserve.stores.port.WritableStore`."""
        self._asked("append", path)
        with self._lock:
            before = self._files.get(path)
            self._make_folders(path)
            self._put(path, (before.content if before else b"") + content, None)
        self.hook("appended", path)

    def remove(self, path: bytes) -> None:
        """See `preserve.stores.port.WritableStore`."""
        self._asked("remove", path)
        with self._lock:
            if self._files.pop(path, None) is None:
                raise NotFoundError(f"{show(path)}: nothing is there")
        self.hook("removed", path)

    def remove_folder(self, path: bytes) -> None:
        """See `preserve.stores.port.WritableStore`."""
        self._asked("remove_folder", path)

    def free_bytes(self) -> int | None:
        """See `preserve.stores.port.WritableStore`."""
        return self.room_bytes

    def refused(self, path: bytes) -> str | None:
        """See `preserve.stores.port.WritableStore`."""
        parts = path.split(b"/")
        if not {b"", b".", b".."}.isdisjoint(parts) or b"\0" in path:
            return "not a path below the root"
        return None

    def close(self) -> None:
        """Nothing is held."""

    # ---- inside, under the lock ----

    def _asked(self, what: str, path: bytes) -> None:
        self.hook(what, path)
        if not self.there:
            raise UnavailableError(f"{self.where}: it does not answer", cause="ECONNREFUSED")

    def _put(self, path: bytes, content: bytes, modified_ns: int | None) -> None:
        self._versions += 1
        self._files[path] = _File(content, self._versions, modified_ns)

    def _refuse_taken(self, path: bytes, over: object) -> None:
        file = self._files.get(path)
        if over is None:
            if file is not None or self._is_folder(path):
                raise ExistsError(f"{show(path)}: something is there", cause="EEXIST")
        elif file is None:
            raise NotFoundError(f"{show(path)}: nothing is there")
        elif (file.version, len(file.content)) != over:
            raise StoreError(f"{show(path)}: another file is there now", cause="changed")

    def _folders(self) -> Collection[bytes]:
        return ()

    def _make_folders(self, path: bytes) -> None:
        """Nothing, where there are no folders."""

    def _is_folder(self, path: bytes) -> bool:
        return not path or any(each.startswith(path + b"/") for each in self._files)
