"""What of a copy in the making stands on a replica far away, known without asking for each file."""

import threading
from contextlib import suppress

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.stores.capabilities import Sizing
from preserve.stores.port import WritableStore
from preserve.stores.rooms.writing import place, reading


class StagedFiles:
    """What is staged, from one listing; kept up as files come and go. Sizes in bytes. Safe between threads."""

    def __init__(self, store: WritableStore, location: bytes) -> None:
        self._store = store
        self._location = location
        self._lock = threading.Lock()
        self._sizes: dict[bytes, int | None] | None = None  # None: there, and not asked for yet

    def forget(self) -> None:
        with self._lock:
            self._sizes = None

    def any(self) -> bool:
        with self._lock:
            return bool(self._known())

    def size_of(self, path: bytes) -> int | None:
        with self._lock:
            known = self._known()
            if path not in known:
                return None
            size = known[path]
        if size is None:
            size = self._asked(path)
            self.put(path, size)
        return size

    def put(self, path: bytes, size_bytes: int | None) -> None:
        """None: it is not there any more."""
        with self._lock:
            known = self._known()
            if size_bytes is None:
                known.pop(path, None)
            else:
                known[path] = size_bytes

    def has(self, path: bytes) -> bool:
        with self._lock:
            return path in self._known()

    def _asked(self, path: bytes) -> int | None:
        full = self._location + b"/" + path
        try:
            found = self._store.stat(full)
        except StoreError:
            return None
        return found.size_bytes if found.kind is Kind.FILE else None

    def _known(self) -> dict[bytes, int | None]:
        if self._sizes is None:
            with reading(place(self._store, self._location)):
                self._sizes = self._listed()
        return self._sizes

    def _listed(self) -> dict[bytes, int | None]:
        with suppress(NotFoundError):
            if isinstance(self._store, Sizing):
                return dict(self._store.sizes(self._location))
            listed = list(self._store.listing(self._location))
            if bad := next((one for one in listed if one.problem is not None), None):
                raise StoreError(f"{show(bad.path)}: {bad.problem}", cause=bad.problem or "")
            return dict.fromkeys(one.path for one in listed)
        return {}
