"""Where bad files are set aside on a replica, never deleted: `<replica>/.preserve/quarantine/<entry>/`.

An entry holds `entry.json` (what was set aside, from where, why; written before anything is moved), `content` (the
bytes as they were) and `manifest-sha256.txt`, so that anybody can check it with `sha256sum -c`. Until the names are
exchanged, `content` is the good file that is to take the bad one's place.
"""

import json
import os
import secrets
import stat as modes
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime

from checks.names import show
from preserve.errors import PreserveError, UndeterminedError
from preserve.stores.durable import exchange, rename_no_replace, writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS, QUARANTINE
from preserve.stores.local_source import token_of
from preserve.stores.locking import locked

CONTENT, GOOD, ASIDE, TORN = b"content", b"good", b"aside", b"torn"
DOCUMENT, MANIFEST = b"entry.json", b"manifest-sha256.txt"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
LIMIT_BYTES = 1 << 20


class Quarantine:
    """The quarantine of one replica."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    def held(self) -> AbstractContextManager[None]:
        """Keeps any other repair off this replica; UsageError if one is at work."""
        return locked(
            os.path.join(self._root, OURS, b"repair.lock"),
            busy="another `preserve` is repairing or deleting on this replica",
            remedy="Let it end, then run the command again.",
        )

    def begin(self, document: Mapping[str, object], at: datetime) -> "Entry":
        """A new entry: what is going to be set aside is on the medium before anything is moved."""
        name = f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}".encode()
        entry = Entry(self._root, name)
        content = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        try:
            with writing(entry.path), entered(self._root, entry.location, make=True, durable=True):
                pass
            entry.write(DOCUMENT, content.encode("utf-8", "backslashreplace"))
        except BaseException:
            with suppress(OSError, PreserveError):
                entry.discard()
            raise
        return entry

    def entries(self) -> Iterator["Entry"]:
        """All entries, by name; what is no folder is passed over."""
        try:
            with entered(self._root, QUARANTINE) as fd:
                names = sorted(
                    os.fsencode(found.name) for found in os.scandir(fd) if found.is_dir(follow_symlinks=False)
                )
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            yield Entry(self._root, name)


class Entry:
    """One entry. Its files are named CONTENT, GOOD (a good segment, staged), ASIDE (see `exchange`) and TORN.

    TORN is what a kill had left of a segment, between bad and good.
    """

    def __init__(self, root: bytes, name: bytes) -> None:
        self._root = root
        self.name = name
        self.location = QUARANTINE + b"/" + name
        self.path = os.path.join(root, self.location)

    def _entered(self) -> AbstractContextManager[int]:
        return entered(self._root, self.location)

    def document(self) -> Mapping[str, object] | None:
        """What was going to be set aside; None if that cannot be read or understood."""
        try:
            with self._entered() as fd:
                file = os.open(DOCUMENT, _READ, dir_fd=fd)
                with os.fdopen(file, "rb") as stream:
                    document = json.loads(stream.read(LIMIT_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def holds_nothing(self) -> bool:
        """Whether there is nothing in it but what it says, or not even that: nothing set aside, staged or of others."""
        with self._entered() as fd:
            return set(map(os.fsencode, os.listdir(fd))) <= {DOCUMENT}

    def has(self, name: bytes) -> bool:
        """Whether there is something of that name in the entry."""
        with self._entered() as fd:
            try:
                os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return False
            return True

    @contextmanager
    def file(
        self, name: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> Iterator[Callable[[memoryview], None]]:
        """Writes one new file from the buffers given to the sink; it is on the medium when the context ends."""
        full = os.path.join(self.path, name)
        with writing(full), self._entered() as folder:
            fd = os.open(name, _CREATE, 0o644, dir_fd=folder)
            try:
                yield lambda buffer: _write(fd, buffer)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.fsync(folder)

    def write(self, name: bytes, content: bytes) -> None:
        """A small file, on the medium when this returns."""
        with self.file(name) as sink:
            sink(memoryview(content))

    def exchange(self, path: bytes) -> None:
        """CONTENT and the file at `path` (below the replica's root) change places; durable when this returns.

        Where the file system cannot exchange two names, the file is without a name for a moment: ASIDE has it then.
        """
        folder, _, name = path.rpartition(b"/")
        with writing(os.path.join(self._root, path)), self._entered() as ours, entered(self._root, folder) as theirs:
            if not exchange(CONTENT, name, ours, theirs):
                rename_no_replace(name, ASIDE, theirs, ours)
                os.fsync(ours)
                os.fsync(theirs)
                rename_no_replace(CONTENT, name, ours, theirs)
                rename_no_replace(ASIDE, CONTENT, ours, ours)
            os.fsync(theirs)
            os.fsync(ours)

    def take(self, path: bytes) -> None:
        """What stands at `path` becomes CONTENT, with nothing in its place."""
        self._move(path, CONTENT, take=True)

    def give(self, name: bytes, path: bytes, *, make: bool = False) -> None:
        """A file of the entry goes to `path`, which must be free; `make` makes the folders above it."""
        self._move(path, name, take=False, make=make)

    def _move(self, path: bytes, name: bytes, *, take: bool, make: bool = False) -> None:
        folder, _, last = path.rpartition(b"/")
        with (
            writing(os.path.join(self._root, path)),
            self._entered() as ours,
            entered(self._root, folder, make=make, durable=True) as theirs,
        ):
            if take:
                rename_no_replace(last, name, theirs, ours)
            else:
                rename_no_replace(name, last, ours, theirs)
            os.fsync(theirs)
            os.fsync(ours)

    def overwrite(self, path: bytes, offset: int, token: object) -> None:
        """Writes GOOD into the file at `path`, in place; on the medium when this returns.

        Only for what was set aside before, and while GOOD is kept until the file was read back: a torn write is written
        again from it.

        Args:
            token: of the file as it was when its bytes were set aside (`checks.ports.Stat`).

        Raises:
            UndeterminedError: another file has come to its place, it changed meanwhile, or it has a second name, which
                would be changed with it. Nothing is written then.
        """
        folder, _, name = path.rpartition(b"/")
        full = os.path.join(self._root, path)
        with writing(full), self._entered() as ours, entered(self._root, folder) as theirs:
            good = os.open(GOOD, _READ, dir_fd=ours)
            try:
                target = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=theirs)
                try:
                    found = os.fstat(target)
                    if token_of(found) != token or found.st_nlink != 1:
                        raise UndeterminedError(
                            f"{show(full)}: changed, or was given a second name, while its segment was set aside",
                            remedy="Nothing was written. Find out who works on this replica; then repair again.",
                        )
                    _copy(good, target, offset)
                    os.fsync(target)
                finally:
                    os.close(target)
            finally:
                os.close(good)

    @property
    def sealed(self) -> bool:
        """Whether it has its manifest."""
        return self.has(MANIFEST)

    def seal(self, digest: str | None) -> None:
        """Writes the entry's manifest, if what was set aside is a file that could be read.

        One that stands was begun by a run that was killed: it may be cut short, and is written again.
        """
        if digest is not None:
            self.remove(MANIFEST)
            self.write(MANIFEST, f"{digest}  {CONTENT.decode()}\n".encode("ascii"))

    def remove(self, name: bytes) -> None:
        """Takes away a staged file of ours."""
        with writing(self.path), self._entered() as fd, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=fd)
            os.fsync(fd)

    def discard(self) -> None:
        """Takes the entry away. Only for one whose CONTENT, if there is any, is not what was set aside.

        What it says goes last: a part of it that is left must still tell what it is. Names that are not ours stay, and
        the folder with them.
        """
        with writing(self.path), entered(self._root, QUARANTINE) as fd:
            with self._entered() as ours:
                if set(map(os.fsencode, os.listdir(ours))) - {CONTENT, GOOD, MANIFEST, DOCUMENT}:
                    return
                for name in (CONTENT, GOOD, MANIFEST, DOCUMENT):
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=ours)
            os.rmdir(self.name, dir_fd=fd)
            os.fsync(fd)


def has_one_name(root: bytes, path: bytes) -> bool:
    """Whether a regular file with no other (hard-linked) name stands there."""
    folder, _, name = path.rpartition(b"/")
    try:
        with entered(root, folder) as fd:
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError:
        return False
    return modes.S_ISREG(found.st_mode) and found.st_nlink == 1


def _copy(source: int, target: int, offset: int) -> None:
    while buffer := os.read(source, 1 << 20):
        view = memoryview(buffer)
        while view:
            written = os.pwrite(target, view, offset)
            view, offset = view[written:], offset + written


def _write(fd: int, buffer: memoryview) -> None:
    while buffer:
        buffer = buffer[os.write(fd, buffer) :]
