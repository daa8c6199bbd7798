"""Files of a copy, created below one folder, a part of the path at a time and never through a link."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from checks.digesting import Reading
from checks.names import show
from checks.ports import Kind, Source
from preserve.bag.making.ahead import Ahead, itself
from preserve.bag.making.survey import listed
from preserve.bag.walking import Seen, walk
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.durable import writing
from preserve.stores.local import LocalStore
from preserve.stores.local_source import LocalSource

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Placing:
    """Creates files below `root`; from one thread. The folder last used is kept open."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._folder: bytes | None = None
        self._fd = -1

    def create(self, path: bytes, mode: int = 0o600) -> int:
        """An empty new file, in place of what an earlier run left; its descriptor is the caller's."""
        folder, _, name = path.rpartition(b"/")
        with writing(os.path.join(self._root, path)):
            if folder != self._folder:
                self._enter(folder)
            try:
                return os.open(name, _CREATE, mode, dir_fd=self._fd)
            except FileExistsError:
                os.unlink(name, dir_fd=self._fd)
                return os.open(name, _CREATE, mode, dir_fd=self._fd)

    def discard(self, path: bytes) -> None:
        """Takes a file away that is of no use."""
        with writing(path), suppress(FileNotFoundError):
            os.unlink(os.path.join(self._root, path))

    def keep_only(self, wanted: Sequence[bytes], logged: Iterator[bytes]) -> None:
        """Takes away the files of earlier runs that are not `wanted` any more, and then the folders that hold nothing.

        Both are in order. UsageError if a file is neither wanted nor logged; then nothing was taken away.
        """
        expected, known = Ahead(iter(wanted), itself), Ahead(logged, itself)
        over, strangers = list[bytes](), list[bytes]()
        for seen in _seen(self._root):
            if seen.kind is not Kind.DIRECTORY and expected.at(seen.path) is None:
                ours = seen.kind is Kind.FILE and known.at(seen.path) is not None
                (over if ours else strangers).append(seen.path)
        if strangers:
            raise UsageError(
                f"{show(self._root)}: holds files that are neither in the source nor known to be copies of it; "
                "nothing in it was deleted\n" + listed([show(path) for path in strangers]),
                remedy="Take out what is yours, delete the rest, and run the same command again.",
            )
        for path in over:
            self.discard(path)
        for folder, _, _ in os.walk(self._root, topdown=False):
            if folder != self._root:
                with suppress(OSError):  # there is something in it
                    os.rmdir(folder)

    def _enter(self, folder: bytes) -> None:
        self.close()
        fd = os.open(self._root, _FOLDER)
        try:
            for part in folder.split(b"/") if folder else ():
                try:
                    below = os.open(part, _FOLDER, dir_fd=fd)
                except FileNotFoundError:
                    os.mkdir(part, dir_fd=fd)
                    below = os.open(part, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = below
        except BaseException:
            os.close(fd)
            raise
        self._folder, self._fd = folder, fd

    def close(self) -> None:
        """Gives the kept folder back."""
        if self._fd >= 0:
            os.close(self._fd)
        self._folder, self._fd = None, -1


def refuse_other_names(root: bytes, paths: Iterable[bytes]) -> None:
    """Looks whether the file system below `root` keeps every name as it is, and apart from all others.

    Some hold one file for names that differ in case or in their spelling of an accent, or write other names than they
    were told. Of two files with the same bytes, reading back would find nothing wrong with the one that is left.

    Raises:
        UndeterminedError: one of `paths`, which are in order, is not among the names that are there; or a folder cannot
            be listed, so that nothing can be said.
    """
    there = Ahead((seen.path for seen in _seen(root) if seen.kind is Kind.FILE), itself)
    lost = [path for path in paths if there.at(path) is None]
    if lost:
        raise UndeterminedError(
            f"{show(root)}: these were written here, and are not among the names that are here now\n"
            + listed([show(path) for path in lost]),
            remedy="The source was not touched. This file system does not keep names as they are, or takes names that "
            "differ in case, or in how an accent is written, for one: choose a target on another.",
        )


def _seen(root: bytes) -> Iterator[Seen]:
    """All that is below; UndeterminedError at the first that cannot be looked at, which is not the same as missing."""
    for seen in walk(LocalStore(root), b""):
        if seen.problem is not None:
            raise UndeterminedError(f"{show(os.path.join(root, seen.path))}: cannot be listed ({seen.problem})")
        yield seen


class FileCopy:
    """One file on its way: `open` opens both ends, `take` is the digester's sink, `close` settles what came of it."""

    __slots__ = ("_fd", "_opening", "_path", "_placing", "_source")

    def __init__(self, opening: Callable[[], Source], placing: Placing, path: bytes) -> None:
        self._opening = opening
        self._placing = placing
        self._path = path
        self._fd = -1
        self._source: Source | None = None

    def open(self) -> Source:
        """StoreError if the source cannot be opened; then nothing was created."""
        self._source = source = self._opening()
        try:
            self._fd = self._placing.create(self._path)
        except BaseException:
            source.close()
            raise
        return source

    def take(self, view: memoryview) -> None:
        """Writes the next bytes."""
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            with writing(self._path):
                raise error

    def close(self, reading: Reading) -> None:
        """Keeps the copy with the source's mode and time, or takes it away if the reading is not sound."""
        if self._fd < 0:
            return
        with writing(self._path):
            try:
                if reading.sound and self._source is not None and reading.stat is not None:
                    os.fchmod(self._fd, _mode_of(self._source))
                    modified = reading.stat.modified_ns
                    if modified is not None:
                        os.utime(self._fd, ns=(modified, modified))
            finally:
                os.close(self._fd)
        if not reading.sound:
            self._placing.discard(self._path)


def _mode_of(source: Source) -> int:
    """A source that lies on no disk has no mode; its copy may be read by all."""
    return source.mode & 0o777 if isinstance(source, LocalSource) else 0o644
