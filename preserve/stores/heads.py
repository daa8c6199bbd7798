"""The journal's head, written down on a replica after each run: `<replica>/.preserve/heads/<the catalog's uuid>.txt`.

One line a head: number (12 digits), hash (hex), time (UTC). Lines are only ever added. Whoever rewrites the catalog has
to rewrite these on every disk, those in safes too. What a power cut or a kill left of a last line stays where it is;
the next head closes it with `~` and goes on.
"""

import errno
import os
import re
import stat as modes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple
from uuid import UUID

from checks.names import show
from preserve.errors import UndeterminedError
from preserve.stores.durable import writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS
from preserve.stores.local_source import cause_of

FOLDER = OURS + b"/heads"

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FIRST_LINE = b"# The journal of the catalog %b had these heads; see `preserve catalog check`. Lines are only added.\n"
_LINE = re.compile(rb"([0-9]{12}) ([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)")
_SAMPLE = b"0" * 12 + b" " + b"0" * 64 + b" 2000-01-01T00:00:00Z"
_CLOSED = b"~"
_LIMIT_BYTES = 4096  # of a line
_MOST_LINES = 200_000  # of one file; a head a day makes that many in five hundred years
MOST_BYTES = 128 * _MOST_LINES  # more than so many lines have; a sparse file may seem to have any number
_MOST_FAULTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHead:
    """A head as it stands there, and in which line."""

    number: int
    hash: bytes
    at: datetime
    line: int


class Heads:
    """The heads of one catalog's journal on one replica."""

    def __init__(self, root: bytes, catalog: UUID) -> None:
        self._root = root
        self._catalog = str(catalog).encode()
        self.name = self._catalog + b".txt"
        self.path = os.path.join(root, FOLDER, self.name)

    def append(self, number: int, hash: bytes, at: datetime) -> None:
        """Adds one line and flushes it. The replica must be there: nothing is made where none is.

        Raises:
            UndeterminedError: it cannot be written, or a link or anything else but a file of its own stands there.
        """
        line = line_of(number, hash, at)
        with writing(self.path), entered(self._root, FOLDER, make=True, durable=True) as folder:
            fd = os.open(self.name, _APPEND, 0o644, dir_fd=folder)
            try:
                self._append(fd, line)
            finally:
                os.close(fd)
            os.fsync(folder)

    def _append(self, fd: int, line: bytes) -> None:
        found = os.fstat(fd)
        if not modes.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise UndeterminedError(
                f"{show(self.path)}: not a file of its own; nothing was written to it",
                remedy="`preserve` did not make it so. Find out who did, and move it away.",
            )
        refuse_too_large(found.st_size, show(self.path))
        last = os.pread(fd, 1, found.st_size - 1) if found.st_size else b""
        if not last:
            with suppress(OSError):  # whatever the umask is, others may read it; some file systems have no modes
                os.fchmod(fd, 0o644)
        content = memoryview(addition(self._catalog, line, last))
        while content:
            content = content[os.write(fd, content) :]
        os.fsync(fd)

    def read(self) -> tuple[list[KeptHead], list[str]]:
        """The heads in the order of their lines, and what is wrong with the file, for people; nothing if there is none.

        What was torn at the end of a write is no fault. Any other line that is no head is one.
        """
        kept, faults = list[KeptHead](), list[str]()
        try:
            with self._opened() as file:
                gather(file, os.fstat(file.fileno()).st_size, self._catalog, kept, faults)
        except FileNotFoundError:
            return [], []
        except OSError as error:
            faults.append(f"it could not be read ({cause_of(error)})")
        return kept, faults

    def _opened(self) -> BinaryIO:
        with entered(self._root, FOLDER) as folder:
            fd = os.open(self.name, _READ, dir_fd=folder)
        if not modes.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.ENXIO, "not a regular file")
        return os.fdopen(fd, "rb")


def line_of(number: int, hash: bytes, at: datetime) -> bytes:
    """The line of a head, with its end; ValueError if it is none."""
    line = b"%012d %b %b\n" % (number, hash.hex().encode(), f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}".encode())
    if _head_of(line[:-1], 0) is None:
        raise ValueError(f"not a head: {number} {hash.hex()}")
    return line


def addition(catalog: bytes, line: bytes, last: bytes) -> bytes:
    """What is to be added to a file of heads.

    Args:
        last: the file's last byte, empty if there is none.
    """
    if not last:
        return _FIRST_LINE % catalog + line
    return line if last == b"\n" else _CLOSED + b"\n" + line


def refuse_too_large(size_bytes: int, where: str) -> None:
    """UndeterminedError for a file with which something is wrong."""
    if size_bytes > MOST_BYTES:
        raise UndeterminedError(
            f"{where} is far too large ({size_bytes:,} bytes); nothing was written to it",
            remedy="`preserve` did not make it so. Find out who did, move it aside and keep it.",
        )


def gather(file: BinaryIO, size_bytes: int, catalog: bytes, kept: list[KeptHead], faults: list[str]) -> None:
    """Adds a file's heads, in the order of their lines, and what is wrong with it; OSError if it cannot be read."""
    if size_bytes > MOST_BYTES:
        faults.append(f"it is far too large ({size_bytes:,} bytes), and was not read to its end")
    for line in _lines(file):
        head = _head_of(line.content, line.number)
        if head is not None:
            kept.append(head)
        elif not _may_stand(line, catalog):
            faults.append(f"line {line.number} is not one that `preserve` wrote")
        if line.number >= _MOST_LINES or len(faults) >= _MOST_FAULTS:
            faults.append(f"what follows on line {line.number} was not read")
            break


def _may_stand(line: "_Line", catalog: bytes) -> bool:
    """Whether it is the first line, or the beginning of one that was torn."""
    first = _FIRST_LINE % catalog
    if line.number == 1 and (line.content + b"\n" == first or (line.torn and first.startswith(line.content))):
        return True
    return line.torn and _LINE.fullmatch(line.content + _SAMPLE[len(line.content) :]) is not None


class _Line(NamedTuple):
    number: int  # from 1
    content: bytes
    torn: bool  # it has no end, or had none when the next one was added


def _lines(file: BinaryIO) -> Iterator[_Line]:
    """Those of its first `MOST_BYTES`: what is there for the world to change may be made to have no end."""
    number = 0
    while file.tell() < MOST_BYTES and (line := file.readline(_LIMIT_BYTES)):
        number += 1
        whole = line.endswith(b"\n")
        if not whole and len(line) == _LIMIT_BYTES:
            more = line
            while more and not more.endswith(b"\n") and file.tell() < MOST_BYTES:
                more = file.readline(_LIMIT_BYTES)
            yield _Line(number, line, torn=False)
            continue
        content = line.removesuffix(b"\n")
        torn = not whole or content.endswith(_CLOSED)
        if torn:  # zeros are what a power cut leaves of bytes whose number was flushed before they were
            content = content.removesuffix(_CLOSED).rstrip(b"\0")
        yield _Line(number, content, torn)


def _head_of(line: bytes, number: int) -> KeptHead | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    try:
        at = datetime.strptime(found[3].decode(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return KeptHead(number=int(found[1]), hash=bytes.fromhex(found[2].decode()), at=at, line=number)
