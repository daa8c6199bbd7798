"""The words of SFTP version 3 (draft-ietf-secsh-filexfer-02): what is asked, packed; what is answered, taken apart."""

import stat as modes
import struct
from typing import NamedTuple

from checks.ports import Kind, Stat

VERSION_WANTED = 3
INIT, VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT = 3, 4, 5, 6, 7, 8, 9, 10
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME = 11, 12, 13, 14, 15, 16, 17, 18
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, OP_UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8

READING, WRITING, APPENDING, MAKING, EMPTYING, NEW = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 0x1, 0x2, 0x4, 0x8, 0x80000000

FSYNC, STATVFS, LIMITS = b"fsync@openssh.com", b"statvfs@openssh.com", b"limits@openssh.com"
MOST_WORDS = 200  # of a server's, shown to people
_MOST_SIZE_BYTES = (1 << 63) - 1  # no file system has a longer file
_MOST_HANDLE_BYTES = 256  # §6.3
SAFE_BYTES = 32 << 10  # of data in one request, which every server must take (§3)

_number = struct.Struct(">I")
_read = struct.Struct(">QI")
_offset = struct.Struct(">Q")
_NO_ATTRIBUTES = b"\0\0\0\0"


class WireError(Exception):
    """The other side said what cannot be understood."""


class Attributes(NamedTuple):
    """What a server says of a file; None where it does not say."""

    size_bytes: int | None
    mode: int | None
    owner: tuple[int, int] | None
    modified: int | None  # whole seconds since 1970, as the protocol has them

    @property
    def kind(self) -> Kind:
        return kind_of(self.mode)

    def stat(self) -> Stat:
        """In the words of `checks.ports`; the token is what the server says, without the time of last access."""
        modified_ns = None if self.modified is None else self.modified * 1_000_000_000
        return Stat(self.kind, self.size_bytes or 0, self, modified_ns)


def kind_of(mode: int | None) -> Kind:
    """What a mode says stands there; a server that says none is not believed to have a regular file."""
    if mode is None:
        return Kind.OTHER
    if modes.S_ISREG(mode):
        return Kind.FILE
    if modes.S_ISDIR(mode):
        return Kind.DIRECTORY
    return Kind.SYMLINK if modes.S_ISLNK(mode) else Kind.OTHER


def text(content: bytes) -> bytes:
    """A string with its length before it."""
    return _number.pack(len(content)) + content


def opening(path: bytes, flags: int) -> bytes:
    return text(path) + _number.pack(flags) + _NO_ATTRIBUTES


def reading(handle: bytes, offset: int, length: int) -> bytes:
    """`handle` is packed already, as `handle_of` gives it."""
    return handle + _read.pack(offset, length)


def writing(handle: bytes, offset: int, content: bytes | memoryview) -> bytes:
    return b"".join((handle, _offset.pack(offset), _number.pack(len(content)), content))


def timed(target: bytes, modified: int) -> bytes:
    """FSETSTAT or SETSTAT of both times; `target` is packed already."""
    return target + struct.pack(">III", _HAS_TIMES, modified, modified)


def sized(target: bytes, size_bytes: int) -> bytes:
    """FSETSTAT of the length; `target` is packed already."""
    return target + struct.pack(">IQ", _HAS_SIZE, size_bytes)


def making(path: bytes) -> bytes:
    return text(path) + _NO_ATTRIBUTES


def extended(name: bytes, content: bytes) -> bytes:
    return text(name) + content


def status_of(body: memoryview) -> tuple[int, str]:
    """A status and the server's words for it."""
    (code,) = _unpacked(_number, body, 0)
    try:
        words, _ = _text(body, 4)
    except WireError:
        return code, ""  # the first servers said no words
    return code, words.decode("utf-8", "replace")[:MOST_WORDS]


def handle_of(body: memoryview) -> bytes:
    """A handle, packed as requests have it."""
    handle = _text(body, 0)[0]
    if len(handle) > _MOST_HANDLE_BYTES:
        raise WireError(f"a handle of {len(handle)} bytes")
    return text(handle)


def attributes_of(body: memoryview) -> Attributes:
    return _attributes(body, 0)[0]


def names_of(body: memoryview) -> list[tuple[bytes, Attributes]]:
    """One answer to READDIR."""
    (count,) = _unpacked(_number, body, 0)
    place, found = 4, []
    for _ in range(count):
        name, place = _text(body, place)
        _, place = _text(body, place)  # the line that `ls -l` would print
        attributes, place = _attributes(body, place)
        found.append((name, attributes))
    return found


def extensions_of(body: memoryview) -> dict[bytes, bytes]:
    """What a server offers besides, from its VERSION."""
    place, found = 0, {}
    while place < len(body):
        name, place = _text(body, place)
        found[name], place = _text(body, place)
    return found


def numbers_of(body: memoryview, count: int) -> tuple[int, ...]:
    """The first numbers of 64 bits, as LIMITS and STATVFS answer."""
    return tuple(int(each) for each in _unpacked(struct.Struct(f">{count}Q"), body, 0))


def _attributes(body: memoryview, place: int) -> tuple[Attributes, int]:
    (flags,) = _unpacked(_number, body, place)
    place += 4
    size = mode = owner = modified = None
    if flags & _HAS_SIZE:
        (size,) = _unpacked(_offset, body, place)
        if size > _MOST_SIZE_BYTES:
            raise WireError("a size of 2^63 bytes or more")
        place += 8
    if flags & _HAS_OWNER:
        owner = (_unpacked(_number, body, place)[0], _unpacked(_number, body, place + 4)[0])
        place += 8
    if flags & _HAS_MODE:
        (mode,) = _unpacked(_number, body, place)
        place += 4
    if flags & _HAS_TIMES:
        (modified,) = _unpacked(_number, body, place + 4)
        place += 8
    if flags & _HAS_MORE:
        (count,) = _unpacked(_number, body, place)
        place += 4
        for _ in range(2 * count):
            _, place = _text(body, place)
    return Attributes(size, mode, owner, modified), place


def _text(body: memoryview, place: int) -> tuple[bytes, int]:
    (length,) = _unpacked(_number, body, place)
    end = place + 4 + length
    if end > len(body):
        raise WireError("an answer ends in the middle")
    return bytes(body[place + 4 : end]), end


def _unpacked(shape: struct.Struct, body: memoryview, place: int) -> tuple[int, ...]:
    try:
        return shape.unpack_from(body, place)
    except struct.error as error:
        raise WireError("an answer ends in the middle") from error
