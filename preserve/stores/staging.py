"""A copy in the making: a folder of ours on the replica, renamed into place when it is whole and was read back."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from checks.names import show
from preserve.errors import UsageError
from preserve.stores.durable import rename_no_replace, sync_directory, sync_filesystem, writing
from preserve.stores.identity import OURS
from preserve.stores.locking import locked

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Staging:
    """`<replica>/.preserve/staging/<name>`: files written here are not a copy until `publish`.

    Files that an earlier, killed run left are kept: whoever reads the staging back judges them.
    """

    def __init__(self, root: bytes, name: bytes) -> None:
        self._root = root
        self.location = b"/".join((OURS, b"staging", name))
        self._folder = os.path.join(root, self.location)
        self._made: set[bytes] = set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and keeps any other process out of it; UsageError if one is in it."""
        busy = f"{show(self._folder)}: another `preserve` is writing this copy"
        remedy = "Let it end, then run the command again."
        with locked(self._folder + b".lock", busy=busy, remedy=remedy):
            with writing(self._folder):
                os.makedirs(self._folder, exist_ok=True)
            try:
                yield
            finally:
                with suppress(OSError):
                    os.rmdir(self._folder)  # only if nothing is in it: what was staged is for the next run

    def clear_away(self) -> None:
        """Takes away what a run left that was killed after its copy was recorded: an empty folder, its lock."""
        if os.path.lexists(self._folder) or os.path.lexists(self._folder + b".lock"):
            with suppress(UsageError), self.held():
                pass

    def size_of(self, path: bytes) -> int | None:
        """The size in bytes of what is staged there already; None if nothing is."""
        try:
            return os.lstat(os.path.join(self._folder, path)).st_size
        except OSError:
            return None

    @contextmanager
    def file(self, path: bytes, modified_ns: int | None = None) -> Iterator[Callable[[memoryview], None]]:
        """Writes one file from the buffers given to the sink, in order."""
        full = os.path.join(self._folder, path)
        with writing(full):
            self._make_folder(os.path.dirname(full))
            fd = os.open(full, _CREATE, 0o644)
        try:
            yield lambda buffer: _write(fd, buffer, full)
            if modified_ns is not None:
                os.utime(fd, ns=(modified_ns, modified_ns))
        finally:
            os.close(fd)

    def _make_folder(self, folder: bytes) -> None:
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def discard(self, path: bytes) -> None:
        """Takes away one staged file, which is ours and no copy."""
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, path))

    def flush(self) -> None:
        """Everything staged is on the medium, or this raises."""
        with writing(self._folder):
            sync_filesystem(self._folder)

    def publish(self, location: bytes) -> None:
        """Renames the staging to its place; it must be free. Durable when this returns."""
        target = os.path.join(self._root, location)
        with writing(target):
            rename_no_replace(self._folder, target)
            sync_directory(self._root)
            sync_directory(os.path.dirname(self._folder))

    def free_bytes(self) -> int:
        """What the replica's file system says is left for us, in bytes."""
        return shutil.disk_usage(self._root).free


def _write(fd: int, buffer: memoryview, path: bytes) -> None:
    with writing(path):
        while buffer:
            buffer = buffer[os.write(fd, buffer) :]
