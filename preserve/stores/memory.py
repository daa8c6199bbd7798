"""Stores in memory, safe between threads: one like a file system far away, one like a bucket. For tests and trials."""

from collections.abc import Collection
from contextlib import AbstractContextManager

from checks.names import show
from checks.ports import NotFoundError, StoreError
from preserve.stores.memory_base import MemoryStore
from preserve.stores.port import ExistsError, Sink

_PART_BYTES, _PATH_BYTES = 255, 4095
_KEY_BYTES = 1024


class MemoryDisk(MemoryStore):
    """Like a file system: `Renaming`, with folders that stay until they are taken away."""

    def __init__(self, *, in_flight: int = 1) -> None:
        super().__init__(in_flight=in_flight)
        self._made: set[bytes] = set()

    def rename(self, source: bytes, target: bytes) -> None:
        """See `preserve.stores.capabilities.Renaming`."""
        self._asked("rename", source)
        with self._lock:
            if target in self._files or self._is_folder(target):
                raise ExistsError(f"{show(target)}: something is there", cause="EEXIST")
            if not self._is_folder(target.rpartition(b"/")[0]):
                raise NotFoundError(f"{show(target)}: no such folder")
            if source in self._files:
                self._files[target] = self._files.pop(source)
            elif self._is_folder(source):
                self._rename_below(source, target)
            else:
                raise NotFoundError(f"{show(source)}: nothing is there")
        self.hook("renamed", target)

    def _rename_below(self, source: bytes, target: bytes) -> None:
        moved = {p: f for p, f in self._files.items() if p.startswith(source + b"/")}
        self._files = {p: f for p, f in self._files.items() if p not in moved}
        self._files |= {target + p[len(source) :]: f for p, f in moved.items()}
        inside = {p for p in self._made if p == source or p.startswith(source + b"/")}
        self._made = (self._made - inside) | {target + p[len(source) :] for p in inside}

    def remove_folder(self, path: bytes) -> None:
        """See `preserve.stores.port.WritableStore`."""
        self._asked("remove_folder", path)
        with self._lock:
            if path not in self._made:
                raise NotFoundError(f"{show(path)}: no such folder")
            if any(each.startswith(path + b"/") for each in (*self._files, *self._made)):
                raise StoreError(f"{show(path)}: not empty", cause="ENOTEMPTY")
            self._made.discard(path)
        self.hook("folder removed", path)

    def refused(self, path: bytes) -> str | None:
        """See `preserve.stores.port.WritableStore`."""
        if any(len(part) > _PART_BYTES for part in path.split(b"/")):
            return f"a part of it is longer than {_PART_BYTES} bytes"
        return f"longer than {_PATH_BYTES:,} bytes" if len(path) > _PATH_BYTES else super().refused(path)

    def _refuse_taken(self, path: bytes, over: object) -> None:
        super()._refuse_taken(path, over)
        parts = path.split(b"/")
        if any(b"/".join(parts[:number]) in self._files for number in range(1, len(parts))):
            raise StoreError(f"{show(path)}: a file stands where a folder should be", cause="ENOTDIR")

    def _folders(self) -> Collection[bytes]:
        return self._made

    def _make_folders(self, path: bytes) -> None:
        parts = path.split(b"/")
        self._made.update(b"/".join(parts[:number]) for number in range(1, len(parts)))

    def _is_folder(self, path: bytes) -> bool:
        return not path or path in self._made


class MemoryBucket(MemoryStore):
    """Like an object store: `Replacing`, `GivingUp`, no names that can be moved, no folders."""

    def replacing(
        self, path: bytes, token: object, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> AbstractContextManager[Sink]:
        """See `preserve.stores.capabilities.Replacing`."""
        return self._written(path, bytearray(), token, size_bytes, sha256, None)

    def give_up(self, root: bytes) -> int:
        """See `preserve.stores.capabilities.GivingUp`."""
        self._asked("give_up", root)
        with self._lock:
            found = [path for path in self._unfinished if not root or path.startswith(root + b"/")]
            for path in found:
                del self._unfinished[path]
        return len(found)

    def refused(self, path: bytes) -> str | None:
        """See `preserve.stores.port.WritableStore`."""
        if len(path) > _KEY_BYTES:
            return f"longer than {_KEY_BYTES:,} bytes"
        try:
            path.decode("utf-8")
        except UnicodeDecodeError:
            return "not UTF-8"
        return super().refused(path)

    def _refuse_taken(self, path: bytes, over: object) -> None:
        if over is None and path not in self._files:
            return  # a name below which others lie is free
        super()._refuse_taken(path, over)
