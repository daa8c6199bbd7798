"""A copy in the making: a folder of ours on the replica, renamed into place when it is whole and was read back."""

import os
import shutil
import stat as modes
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from checks.names import show
from preserve.errors import UsageError
from preserve.stores.durable import rename_no_replace, sync_directory, sync_filesystem, writing
from preserve.stores.folders import entered
from preserve.stores.identity import STAGING
from preserve.stores.locking import locked
from preserve.stores.looking import stands

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Staging:
    """A folder below `root`: files written here are not a copy until `publish`.

    Files that an earlier, killed run left are kept: whoever reads the staging back judges them.
    """

    def __init__(self, root: bytes, location: bytes) -> None:
        self._root = root
        self.location = location
        self._folder = os.path.join(root, location)

    @classmethod
    def on_replica(cls, root: bytes, name: bytes) -> "Staging":
        """`<replica>/.preserve/staging/<name>`."""
        return cls(root, STAGING + b"/" + name)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and keeps any other process out of it; UsageError if one is in it."""
        busy = f"{show(self._folder)}: another `preserve` is writing this copy"
        remedy = "Let it end, then run the command again."
        with writing(self._folder), self._entered(b""):
            pass  # the folder is there, and no link leads to it
        with locked(self._folder + b".lock", busy=busy, remedy=remedy):
            with writing(self._folder), self._entered(b""):
                pass  # once more: its last holder may have taken it away
            try:
                yield
            finally:
                with suppress(OSError):
                    os.rmdir(self._folder)  # only if nothing is in it: what was staged is for the next run

    def clear_away(self) -> None:
        """Takes away what a run left that was killed after its copy was recorded: an empty folder, its lock."""
        if stands(self._folder) or stands(self._folder + b".lock"):
            with suppress(UsageError), self.held():
                pass

    def begun(self) -> bool:
        """Never: what is staged lies apart from where it will be published."""
        return False

    def resumable(self, path: bytes, size_bytes: int) -> int:
        """None of its bytes: a file that was cut off here is written anew."""
        return 0

    def size_of(self, path: bytes) -> int | None:
        """The size in bytes of what is staged there already; None if no file of ours is."""
        folder, _, name = path.rpartition(b"/")
        try:
            with self._entered(folder, make=False) as fd:
                found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError:
            return None
        # A link into some other file must not be taken for a copy, nor ever be written through.
        return found.st_size if modes.S_ISREG(found.st_mode) and found.st_nlink == 1 else None

    @contextmanager
    def file(
        self,
        path: bytes,
        modified_ns: int | None = None,
        *,
        size_bytes: int | None = None,
        sha256: bytes | None = None,
        offset: int | None = None,
    ) -> Iterator[Callable[[memoryview], None]]:
        """Writes one new file from the buffers given to the sink, in order; what an earlier run left goes first.

        What it must be is not asked for: whoever publishes reads it back.
        """
        full = os.path.join(self._folder, path)
        folder, _, name = path.rpartition(b"/")
        with writing(full), self._entered(folder) as parent:
            try:
                fd = os.open(name, _CREATE, 0o644, dir_fd=parent)
            except FileExistsError:
                os.unlink(name, dir_fd=parent)
                fd = os.open(name, _CREATE, 0o644, dir_fd=parent)
        try:
            yield lambda buffer: _write(fd, buffer, full)
            if modified_ns is not None:
                with writing(full):
                    os.utime(fd, ns=(modified_ns, modified_ns))
        finally:
            with writing(full):  # a share may tell only now that it could not write
                os.close(fd)

    def _entered(self, folder: bytes, *, make: bool = True) -> AbstractContextManager[int]:
        return entered(self._root, b"/".join(filter(None, (self.location, folder))), make=make)

    def discard(self, path: bytes) -> None:
        """Takes away one staged file, which is ours and no copy."""
        folder, _, name = path.rpartition(b"/")
        full = os.path.join(self._folder, path)
        with writing(full), suppress(FileNotFoundError), self._entered(folder, make=False) as parent:
            os.unlink(name, dir_fd=parent)

    def empty(self) -> Iterator[bytes]:
        """Takes away all that was staged, and tells each file after it went. No link is followed.

        Raises:
            UndeterminedError: something could not be taken away; the rest of it stays, too.
        """
        with writing(self._folder):
            try:
                with self._entered(b"", make=False) as fd:
                    yield from _emptied(fd, b"")
            except FileNotFoundError:
                return

    def flush(self) -> None:
        """Everything staged is on the medium, or this raises."""
        with writing(self._folder):
            sync_filesystem(self._folder)

    def publish(self, location: bytes) -> None:
        """Renames the staging to its place; it must be free. Durable when this returns.

        An adopted copy may lie deeper than the root: folders above it are made, and no link is followed on the way.
        """
        above, _, name = location.rpartition(b"/")
        with writing(os.path.join(self._root, location)):
            with entered(self._root, above, make=True, durable=True) as folder:
                rename_no_replace(self._folder, name, None, folder)
                os.fsync(folder)
            sync_directory(os.path.dirname(self._folder))

    def free_bytes(self) -> int:
        """What the replica's file system says is left for us, in bytes."""
        return shutil.disk_usage(self._root).free


def _emptied(folder: int, above: bytes) -> Iterator[bytes]:
    with os.scandir(folder) as entries:
        names = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        if is_folder:
            below = os.open(name, _FOLDER, dir_fd=folder)
            try:
                yield from _emptied(below, above + name + b"/")
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)
            yield above + name


def _write(fd: int, buffer: memoryview, path: bytes) -> None:
    with writing(path):
        while buffer:
            buffer = buffer[os.write(fd, buffer) :]
