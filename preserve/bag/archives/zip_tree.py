"""A zip file as a tree: indexed by its directory, compared with each member's own header, and inflated on reading."""

import lzma
import os
import stat as modes
import zlib
from collections.abc import Generator

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, Stat, StoreError, WrongKindError
from preserve.bag.archives import unpacking
from preserve.bag.archives.faults import Faults
from preserve.bag.archives.limits import MOST_DICTIONARY_BYTES, DamagedError, ExpandsTooFarError, Expansion
from preserve.bag.archives.members import Member, Members, What
from preserve.bag.archives.packed import PackedFile
from preserve.bag.archives.unpacking import Decompressor
from preserve.bag.archives.zip_directory import (
    DESCRIBED_AFTER,
    ENCRYPTED,
    PATCHED,
    UTF_8,
    ZipEntry,
    directory_of,
    entries_of,
    entry_at,
    local_entry,
)
from preserve.bag.codes import Code

_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
_KNOWN_VERSION = 63  # 6.3: the last in which something was added to what is read here
_IN_BYTES = 1 << 16
_LZMA_HEAD_BYTES = 9


def index(packed: PackedFile, members: Members, faults: Faults) -> None:
    """Fills the index; each member's own header is looked at, too.

    Raises:
        DamagedError, BeyondLimitError: nothing can be read further; what was read stands in the index.
        StoreError: the file cannot be read.
    """
    directory = directory_of(packed)
    taken_bytes = 0
    for place, entry in entries_of(packed, directory):
        name = _name(entry, faults)
        if not entry.made_on_unix and b"\\" in name:
            faults.add(Code.UNSAFE_MEMBER, name, why="it has backslashes where slashes should part the folders")
            continue
        path = faults.sound_path(name)
        if path is None:
            continue
        members.add(path, Member(_what(entry, name), place, min(entry.size_bytes, (1 << 64) - 1)))
        try:
            local, content = local_entry(packed, entry.local_place)
        except DamagedError as error:
            faults.add(Code.MEMBER_DAMAGED, path, why=error.why)
            continue
        if why := _disagreement(entry, local):
            faults.add(Code.MEMBER_HEADERS_DISAGREE, path, what=why)
        if content + entry.packed_bytes > directory.place:
            faults.add(
                Code.MEMBER_DAMAGED, path, why="it goes on behind the place where the archive's directory begins"
            )
        taken_bytes += content - entry.local_place + entry.packed_bytes
    if taken_bytes > directory.place:
        raise DamagedError("its members lie over one another")


def _name(entry: ZipEntry, faults: Faults) -> bytes:
    """The member's name in UTF-8 where that can be told; what was not declared is told."""
    name = entry.name
    if name.isascii():
        return name
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        if entry.flags & UTF_8:
            faults.add(Code.MEMBER_NAME_ENCODING, name, encoding="the bytes they are; they are not UTF-8 as declared")
            return name
        read = entry.unicode_name or name.decode("cp437").encode("utf-8")
        faults.add(Code.MEMBER_NAME_ENCODING, read, encoding="UTF-8" if entry.unicode_name else "code page 437")
        return read
    if not entry.flags & UTF_8 and entry.unicode_name != name:
        faults.add(Code.MEMBER_NAME_ENCODING, name, encoding="UTF-8")
    return name


def _what(entry: ZipEntry, name: bytes) -> What:
    kind = modes.S_IFMT(entry.unix_mode)
    if kind == modes.S_IFLNK:
        return What.SYMLINK
    if name.endswith(b"/") or kind == modes.S_IFDIR:
        return What.FOLDER
    return What.FILE if kind in (0, modes.S_IFREG) else What.OTHER


def _disagreement(central: ZipEntry, local: ZipEntry) -> str | None:
    """What a member's own header says otherwise than the directory, in a word."""
    if local.name != central.name:
        return f"the name ({show(local.name[:200])})"
    if local.method != central.method:
        return "the method of compression"
    if (local.flags ^ central.flags) & ENCRYPTED:
        return "whether it is encrypted"
    later = {0, 0xFFFFFFFF} if local.flags & DESCRIBED_AFTER else set[int]()  # the numbers stand behind the content
    for what, mine, other in (
        ("the size", local.size_bytes, central.size_bytes),
        ("the packed size", local.packed_bytes, central.packed_bytes),
        ("the CRC", local.crc, central.crc),
    ):
        if mine != other and mine not in later:
            return f"{what} ({mine}, not {other})"
    return None


class ZipTree:
    """A zip file below one of its folders. See `preserve.bag.trees.Tree`."""

    def __init__(self, packed: PackedFile, members: Members, faults: Faults, base: bytes, root: bytes) -> None:
        self.root = root
        self._packed = packed
        self._members = members
        self._faults = faults
        self._base = base
        self.refused: set[bytes] = set()  # members asked for that are no files, as the archive calls them
        self._expansion = Expansion(packed.size_bytes)

    def names_in(self, folder: bytes, *, stats: bool = False) -> list[tuple[bytes, Kind, os.stat_result | None]]:
        """See `preserve.bag.trees.Tree`; members have no stat."""
        return self._members.names_in(self._full(folder))

    def stat(self, path: bytes) -> Stat:
        """See `preserve.bag.trees.Tree`. The size is what is declared; the token changes if the archive file does."""
        member = self._members.find(self._full(path))
        return Stat(member.kind, member.size_bytes, self._packed.token())

    def open(self, path: bytes, *, past_cache: bool = False) -> "ZipSource":
        """See `preserve.bag.trees.Tree`. The evidence is READ, whether asked for past the cache or not."""
        full = self._full(path)
        member = self._members.find(full)
        if member.kind is not Kind.FILE:
            self.refused.add(full)
            raise WrongKindError(f"{show(path)}: not a regular file", cause="ELOOP")
        entry = entry_at(self._packed, member.place)
        if entry.flags & ENCRYPTED:
            raise StoreError(f"{show(path)}: encrypted", cause="encrypted")
        if entry.flags & PATCHED:
            raise StoreError(f"{show(path)}: a patch to another file", cause="patch")
        if entry.needs > _KNOWN_VERSION:
            why = f"version {entry.needs / 10} of zip"
            raise StoreError(f"{show(path)}: {why}, which is not known here", cause=why)
        if entry.method not in (_STORED, _DEFLATED, _BZIP2, _LZMA):
            why = f"compression method {entry.method}"
            raise StoreError(f"{show(path)}: {why}, which is not known here", cause=why)
        return ZipSource(path, full, entry, self._packed, self._faults, self._expansion)

    def _full(self, path: bytes) -> bytes:
        return b"/".join(part for part in (self._base, path) if part)


class ZipSource:
    """One member's content, decompressed as it is read. Its length and CRC are checked at its end."""

    evidence = Evidence.READ

    def __init__(
        self,
        path: bytes,
        full: bytes,
        entry: ZipEntry,
        packed: PackedFile,
        faults: Faults,
        expansion: Expansion,
    ) -> None:
        self.path = path
        self._full = full
        self._entry = entry
        self._packed = packed
        self._faults = faults
        self._expansion = expansion
        self._pieces = self._decompressed()
        self._held = memoryview(b"")
        self._out_bytes = 0
        self._crc = 0
        self._ended = False

    def stat(self) -> Stat:
        """See `checks.ports.Source`. Declared at first; at the end, as long as it was."""
        size_bytes = self._out_bytes if self._ended else self._entry.size_bytes
        return Stat(Kind.FILE, size_bytes, self._packed.token())

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`. StoreError where nothing more comes out, or too much."""
        try:
            return self._read(buffer)
        except DamagedError as error:
            self._faults.add(Code.MEMBER_DAMAGED, self._full, why=error.why)
            raise
        except ExpandsTooFarError as error:
            self._faults.add(Code.ARCHIVE_EXPANDS, packed_bytes=error.packed_bytes, limit_bytes=error.limit_bytes)
            raise

    def _read(self, buffer: memoryview) -> int:
        if not self._held:
            self._held = memoryview(next(self._pieces, b""))
            if not self._held:
                self._end()
                return 0
        count = min(len(self._held), len(buffer))
        taken = self._held[:count]
        buffer[:count] = taken
        self._held = self._held[count:]
        self._crc = zlib.crc32(taken, self._crc)
        self._out_bytes += count
        self._expansion.add(count)
        if self._out_bytes > self._entry.size_bytes:
            raise DamagedError(f"it is longer than the {self._entry.size_bytes} bytes that are declared")
        return count

    def _end(self) -> None:
        """What is wrong with a member that came out to its end is told, and its bytes are judged all the same."""
        if self._ended:
            return
        self._ended = True
        if self._out_bytes != self._entry.size_bytes:
            declared = self._entry.size_bytes
            why = f"it is {self._out_bytes} bytes long, and {declared} are declared"
            self._faults.add(Code.MEMBER_DAMAGED, self._full, why=why)
        elif self._crc != self._entry.crc:
            self._faults.add(Code.MEMBER_DAMAGED, self._full, why="its content does not have the CRC that is declared")

    def _decompressed(self) -> Generator[bytes, None, None]:
        _, start = local_entry(self._packed, self._entry.local_place)
        end = start + self._entry.packed_bytes
        if self._entry.method == _STORED:
            for _, chunk in self._packed.chunks(start, _IN_BYTES, end):
                yield chunk
            return
        decompressor: Decompressor
        if self._entry.method == _LZMA:
            decompressor, start = self._lzma(start, end)
        elif self._entry.method == _BZIP2:
            decompressor = unpacking.bzip2_stream()
        else:
            decompressor = unpacking.Inflater(-zlib.MAX_WBITS)
        for place, chunk in self._packed.chunks(start, _IN_BYTES, end):
            yield from unpacking.pieces(decompressor, chunk)
            if decompressor.eof:
                if decompressor.unused_data or place + len(chunk) < end:
                    raise DamagedError("something stands behind the end of its content")
                return
        raise DamagedError("its content is cut off")

    def _lzma(self, start: int, end: int) -> tuple[Decompressor, int]:
        """The decompressor that a member's first bytes describe (APPNOTE 5.8.8), and where its content begins."""
        head = self._packed.read_at(start, _LZMA_HEAD_BYTES)
        if len(head) < _LZMA_HEAD_BYTES or end - start < _LZMA_HEAD_BYTES or head[2:4] != b"\5\0" or head[4] >= 225:
            raise DamagedError("its content does not begin as LZMA does")
        dictionary = int.from_bytes(head[5:9], "little")
        if dictionary > MOST_DICTIONARY_BYTES:
            raise DamagedError(f"it asks for {dictionary} bytes of memory")
        rest, lc = divmod(head[4], 9)
        pb, lp = divmod(rest, 5)
        settings = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}
        try:
            return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[settings]), start + _LZMA_HEAD_BYTES
        except (lzma.LZMAError, ValueError, MemoryError) as error:
            raise DamagedError(f"its content cannot be decompressed ({error})") from error

    def close(self) -> None:
        """Gives the decompressor's memory back."""
        self._pieces.close()
