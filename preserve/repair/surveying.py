"""What lies below a path here: every name, and of every file its content, read to its end."""

import os
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from checks.digesting import Digester, Reading, Wanted
from checks.keeping import Reason
from checks.names import show
from checks.ports import Kind, StoreError
from preserve.errors import UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.stores.local import LocalStore

Content = tuple[int, bytes]  # size in bytes, SHA-256


class Seen(NamedTuple):
    """One name below the path. Without a content it was not read, and `problem` says why. b"" is the path itself."""

    path: bytes
    content: Content | None
    reason: Reason | None = None
    problem: str = ""


def split(path: bytes) -> tuple[bytes, bytes]:
    """The real folder that a path lies in, and its name there: as `rm` would find it, whose last part is no link."""
    path = path.rstrip(b"/") or b"/"
    folder, name = os.path.split(path)
    if name in (b"", b".", b".."):
        folder, name = os.path.split(os.path.realpath(path))
    return os.path.realpath(folder or b"."), name


class Survey:
    """Reads everything below a path, all bytes of it."""

    def __init__(self, path: bytes, threads: Threads, progress: Progress) -> None:
        folder, self._name = split(path)
        self.path = os.path.join(folder, self._name)
        self._store = LocalStore(folder)
        self._digester = Digester(("sha256",), threads.files)
        self._progress = progress

    def seen(self) -> Iterator[Seen]:
        """Every name that is no folder.

        Raises:
            UsageError: there is nothing at that path.
        """
        self._progress.stage("listing")
        files, size = [], 0
        for each in self._listed():
            if isinstance(each, Seen):
                yield each
                continue
            path, size_bytes = each
            files.append(path)
            size += size_bytes
        self._progress.stage("reading", files=len(files), bytes=size)
        for reading in self._digester.observe(self._wanted(path) for path in files):
            self._progress.advance(files=1)
            yield _seen(reading)

    def _listed(self) -> Iterator[Seen | tuple[bytes, int]]:
        """Files with their sizes, and what is no file or could not be listed."""
        try:
            os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError(f"{show(self.path)}: there is nothing of that name") from error
        kind = self._store.stat(self._name).kind if self._name else Kind.DIRECTORY
        if kind is not Kind.DIRECTORY:
            yield self._sized(b"") if kind is Kind.FILE else _odd(b"", kind)
            return
        for listed in self._store.listing(self._name):
            if listed.problem is not None:
                yield Seen(listed.path, None, Reason.UNREADABLE, f"this folder could not be listed ({listed.problem})")
            elif listed.kind is Kind.FILE:
                yield self._sized(listed.path)
            else:
                yield _odd(listed.path, listed.kind)

    def _sized(self, path: bytes) -> Seen | tuple[bytes, int]:
        try:
            return path, self._store.stat(self._full(path)).size_bytes
        except StoreError as error:
            return Seen(path, None, Reason.UNREADABLE, error.cause or str(error))

    def _wanted(self, path: bytes) -> Wanted:
        opener = partial(self._store.open, self._full(path), past_cache=False)
        return Wanted(path=path, open=opener, expected_bytes=None, sink=self._count)

    def _full(self, path: bytes) -> bytes:
        return b"/".join(part for part in (self._name, path) if part)

    def _count(self, buffer: memoryview) -> None:
        self._progress.advance(bytes=len(buffer))


def _odd(path: bytes, kind: Kind) -> Seen:
    return Seen(path, None, Reason.NOT_A_REGULAR_FILE, "a link" if kind is Kind.SYMLINK else "a device, pipe or socket")


def _seen(reading: Reading) -> Seen:
    if reading.sound:
        return Seen(reading.path, (reading.size_bytes, reading.digests["sha256"]))
    if reading.wrong_kind:
        return Seen(reading.path, None, Reason.NOT_A_REGULAR_FILE, "a link, device, pipe or socket")
    problem = (
        "it went away"
        if reading.missing
        else reading.problem
        if reading.problem is not None
        else "it changed while it was read"
    )
    return Seen(reading.path, None, Reason.UNREADABLE, problem)
