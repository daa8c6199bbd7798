"""The log of what was read: one self-checking line a file, so that work goes on after a crash where it was.

A line is CRC-32, size in bytes, mtime and ctime in nanoseconds, inode, the digests in hex in the log's order, and the
path as a manifest writes it. A line that does not check (torn by a crash) and all after it are dropped: those files
are read again. A later line about a path replaces an earlier one.
"""

import os
from binascii import hexlify
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

from checks.digesting import Reading
from preserve.bag.making.opening import fresh, going_on, to_read
from preserve.bag.tags.paths import V1_0, decoded, encoded
from preserve.ordering import Sorter
from preserve.stores.durable import writing
from preserve.stores.local_source import Token
from preserve.stores.looking import reading

_FLUSH_BYTES = 64 << 20  # of payload: what a crash costs at most is reading so much again
_BUFFER_BYTES = 1 << 16


class Logged(NamedTuple):
    """One file that was read. `seen` is size, mtime, ctime and inode, as when it was read."""

    path: bytes
    size_bytes: int
    seen: tuple[int, int, int, int]
    digests: bytes  # hex, one after the other

    def moved_intact(self, found: os.stat_result) -> bool:
        """Whether it still is that file after the entry of the top folder that it lies in was renamed.

        That changes the ctime of a file that was renamed itself, and of its other names.
        """
        if b"/" in self.path and found.st_nlink == 1:
            return self.unchanged(found)
        size, mtime, _, inode = self.seen
        return (found.st_size, found.st_mtime_ns, found.st_ino) == (size, mtime, inode)

    def unchanged(self, found: os.stat_result) -> bool:
        """Whether nothing says that it has changed since it was read."""
        return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino) == self.seen


class WorkLog:
    """One log in a file of its own. Append in the bytewise order of paths where that can be had: then nothing sorts."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._last = b""
        self._in_order = True
        self._lines = 0
        self._unflushed_bytes = 0
        with writing(path):
            self._file = going_on(path, _BUFFER_BYTES)
            valid_bytes = self._check()
            self._file.truncate(valid_bytes)
        self.empty = valid_bytes == 0

    def _check(self) -> int:
        """Goes through what an earlier run left; returns how many bytes of it are good."""
        good = 0
        with to_read(self._path) as file:
            for line in file:
                entry = _parsed(line)
                if entry is None:
                    break
                self._take_order(entry.path)
                good += len(line)
        return good

    def _take_order(self, path: bytes) -> None:
        if path <= self._last:
            self._in_order = False
        self._last = path
        self._lines += 1

    def append(self, reading: Reading, token: Token) -> None:
        """Notes a sound reading. Buffered; see `flush`."""
        _, inode, size, mtime, ctime = token
        digests = hexlify(b"".join(reading.digests.values()))
        self._take_order(reading.path)
        self.empty = False
        self._unflushed_bytes += size
        try:
            self._file.write(_line(Logged(reading.path, size, (size, mtime, ctime, inode), digests)))
            if self._unflushed_bytes >= _FLUSH_BYTES:
                self.flush()
        except OSError as error:
            with writing(self._path):
                raise error

    def flush(self) -> None:
        """Hands everything to the system: it then outlives this process."""
        with writing(self._path):
            self._file.flush()
        self._unflushed_bytes = 0

    def entries(self) -> Iterator[Logged]:
        """The last line about each path, in bytewise order of paths."""
        self.flush()
        if self._in_order:
            with reading(self._path), to_read(self._path) as file:
                yield from _all_parsed(file)
            return
        yield from self._sorted()

    def _sorted(self) -> Iterator[Logged]:
        sorter = Sorter()
        try:
            with to_read(self._path) as file, writing(b"the temporary folder"):
                for number, line in enumerate(file):
                    sorter.add(_path_of(line) + b"\0" + number.to_bytes(6) + line)
            last: bytes | None = None
            path_before = b""
            for record in sorter:
                path, _, rest = record.partition(b"\0")
                if last is not None and path != path_before:
                    yield from _all_parsed([last])
                path_before, last = path, rest[6:]
            if last is not None:
                yield from _all_parsed([last])
        finally:
            sorter.close()

    def keep_only(self, paths: Sequence[bytes]) -> None:
        """Leaves out what it says of other paths. Both are in order; a crash leaves the old log or the new."""
        if self._in_order and self._lines == len(paths):
            return
        shorter = self._path + b".new"
        wanted = iter(paths)
        path = next(wanted, None)
        with writing(shorter), fresh(shorter) as file:
            for entry in self.entries():
                if entry.path == path:
                    file.write(_line(entry))
                    path = next(wanted, None)
        self._file.close()
        with writing(self._path):
            os.rename(shorter, self._path)
            self._file = going_on(self._path, _BUFFER_BYTES)
        self._in_order, self._lines = True, len(paths)
        self._last = paths[-1] if paths else b""

    def close(self) -> None:
        """Flushes and closes."""
        with writing(self._path):
            self._file.close()


def _line(entry: Logged) -> bytes:
    size, mtime, ctime, inode = entry.seen
    body = b"%d %d %d %d %b %b\n" % (size, mtime, ctime, inode, entry.digests, encoded(entry.path))
    return b"%08x %b" % (crc32(body), body)


def _path_of(line: bytes) -> bytes:
    return decoded(line[:-1].split(b" ", 6)[6], V1_0)


def _parsed(line: bytes) -> Logged | None:
    """The entry of a line, or None if it is not whole."""
    try:
        check, body = line[:8], line[9:]
        if len(line) < 10 or not line.endswith(b"\n") or int(check, 16) != crc32(body):
            return None
        size, mtime, ctime, inode, digests, path = body[:-1].split(b" ", 5)
        number = int(size)
        return Logged(decoded(path, V1_0), number, (number, int(mtime), int(ctime), int(inode)), digests)
    except ValueError:
        return None


def _all_parsed(lines: Iterable[bytes]) -> Iterator[Logged]:
    for line in lines:
        entry = _parsed(line)
        if entry is not None:
            yield entry
