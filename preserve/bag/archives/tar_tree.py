"""A tar archive as a tree: indexed once by its headers, then each member read at its place, by many threads at once."""

import os
from dataclasses import dataclass, field

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, Stat, StoreError, WrongKindError
from preserve.bag.archives import limits as archive_limits
from preserve.bag.archives.faults import Faults
from preserve.bag.archives.limits import BeyondLimitError, DamagedError
from preserve.bag.archives.members import Member, Members, What
from preserve.bag.archives.packed import PackedFile
from preserve.bag.archives.tar_headers import BLOCK_BYTES, Header, parse, pax_records, pax_size
from preserve.bag.codes import Code

_CHUNK_BYTES = 1 << 20
_KINDS = {
    b"1": What.HARD_LINK,
    b"2": What.SYMLINK,
    b"3": What.OTHER,
    b"4": What.OTHER,
    b"5": What.FOLDER,
    b"6": What.OTHER,
    b"D": What.FOLDER,
    b"M": What.PART,
    b"S": What.SPARSE,
}
_WITHOUT_CONTENT = b"123456"  # whatever size they state
_WHY_UNREADABLE = {What.SPARSE: "sparse member", What.PART: "part of another volume", What.HARD_LINK: "hard link"}


@dataclass(slots=True)
class _Described:
    """What headers before a member say of it."""

    names: list[bytes] = field(default_factory=list)
    size_bytes: int | None = None
    sparse: bool = False


class TarIndexer:
    """Reads the headers of one archive into an index, seeking over the content."""

    def __init__(self, packed: PackedFile, members: Members, faults: Faults) -> None:
        self._packed = packed
        self._members = members
        self._faults = faults
        self._at = 0  # the byte that is read next

    def index(self) -> bool:
        """Fills the index up to the archive's end; False if no mark says that this is its end, which is told.

        Raises:
            DamagedError, BeyondLimitError: nothing can be read further; what was read stands in the index.
            StoreError: the file cannot be read.
        """
        described = _Described()
        while True:
            start = self._at
            block = self._packed.read_at(start, BLOCK_BYTES)
            if not block:
                if start > self._packed.size_bytes:
                    raise DamagedError(f"it is cut off at byte {self._packed.size_bytes}")
                self._faults.add(Code.ARCHIVE_END_MISSING)
                return False
            if len(block) < BLOCK_BYTES:
                raise DamagedError(f"it is cut off in a header, at byte {start}")
            self._at += BLOCK_BYTES
            if not block.strip(b"\0"):
                self._after_the_end()
                return True
            header = parse(block)
            if header is None:
                raise DamagedError(f"no header of a member at byte {start}, where one should stand")
            if not self._describes(header, described):
                self._member(header, described)
                described = _Described()

    def _after_the_end(self) -> None:
        """Only zeros may follow the first zero block: anything else would be seen by some programs only."""
        for start, chunk in self._packed.chunks(self._at, _CHUNK_BYTES):
            if chunk.count(0) != len(chunk):
                at = start + len(chunk) - len(chunk.lstrip(b"\0"))
                raise DamagedError(f"there is something behind its end, at byte {at}")

    def _describes(self, header: Header, described: _Described) -> bool:
        """Takes in what a header says of the member after it; False if it is a member's own."""
        match header.kind:
            case b"L":
                described.names.append(self._extension(header).rstrip(b"\0"))
            case b"x" | b"X":
                self._pax(header, described)
            case b"g":
                said = self._pax_of(header)
                if b"path" in said or b"size" in said:
                    raise DamagedError(f"a global header before byte {self._at} names all members alike")
            case b"K" | b"V" | b"N":
                self._skip(header.size_bytes)  # a link's target, a label, a form that no program writes any more
            case _:
                return False
        return True

    def _pax(self, header: Header, described: _Described) -> None:
        said = self._pax_of(header)
        name = said.get(b"GNU.sparse.name", said.get(b"path"))
        if name is not None:
            described.names.append(name)
        try:
            size_bytes = pax_size(said)
        except ValueError as error:
            raise DamagedError(f"a pax header before byte {self._at} states {error}") from error
        described.size_bytes = described.size_bytes if size_bytes is None else size_bytes
        described.sparse = described.sparse or any(key.startswith(b"GNU.sparse.") for key in said)

    def _pax_of(self, header: Header) -> dict[bytes, bytes]:
        said = pax_records(self._extension(header))
        if said is None:
            raise DamagedError(f"the pax header before byte {self._at} is not made of records")
        return said

    def _extension(self, header: Header) -> bytes:
        """A description's content; its stated size is looked at before it is read."""
        if header.size_bytes > archive_limits.MOST_EXTENSION_BYTES:
            raise BeyondLimitError("bytes of a header", archive_limits.MOST_EXTENSION_BYTES)
        content = self._packed.read_at(self._at, header.size_bytes)
        if len(content) < header.size_bytes:
            raise DamagedError(f"it is cut off in a header, at byte {self._at + len(content)}")
        self._skip(header.size_bytes)
        return content

    def _skip(self, size_bytes: int) -> None:
        self._at += -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES

    def _member(self, header: Header, described: _Described) -> None:
        if len(set(described.names)) > 1:
            raise DamagedError(f"the member before byte {self._at} is given two names")
        name = described.names[0] if described.names else header.name
        what = _KINDS.get(header.kind, What.FILE)  # an unknown kind is a file (POSIX.1-2017, pax, typeflag)
        if what is What.FILE and (described.sparse or name.endswith(b"/")):
            what = What.SPARSE if described.sparse else What.FOLDER  # V7 wrote a folder so
        size_bytes = header.size_bytes if described.size_bytes is None else described.size_bytes
        place = self._at
        if header.kind not in _WITHOUT_CONTENT:
            if header.kind == b"S":
                self._sparse_map()
            self._skip(size_bytes)
        path = self._faults.sound_path(name)
        if path is not None:
            if what is What.HARD_LINK:
                self._faults.add(Code.HARD_LINK_MEMBER, path)
            self._members.add(path, Member(what, place, 0 if what is What.FOLDER else size_bytes))
        if self._at > self._packed.size_bytes and place + size_bytes > self._packed.size_bytes:
            raise DamagedError(f"it is cut off at byte {self._packed.size_bytes}, in the content of {show(name[:200])}")

    def _sparse_map(self) -> None:
        """Passes over the blocks in which old GNU headers go on; the header's own stands right before them."""
        going_on = self._packed.read_at(self._at - BLOCK_BYTES + 482, 1)
        while going_on not in (b"", b"\0"):
            going_on = self._packed.read_at(self._at + 504, 1)
            self._at += BLOCK_BYTES


class TarTree:
    """A plain tar archive below one of its folders. See `preserve.bag.trees.Tree`."""

    def __init__(self, packed: PackedFile, members: Members, base: bytes, root: bytes) -> None:
        self.root = root
        self._packed = packed
        self._members = members
        self._base = base
        self.refused: set[bytes] = set()  # members asked for that are no files, as the archive calls them

    def names_in(self, folder: bytes, *, stats: bool = False) -> list[tuple[bytes, Kind, os.stat_result | None]]:
        """See `preserve.bag.trees.Tree`; members have no stat."""
        return self._members.names_in(self._full(folder))

    def stat(self, path: bytes) -> Stat:
        """See `preserve.bag.trees.Tree`. The token changes if the archive file does."""
        member = self._members.find(self._full(path))
        return Stat(member.kind, member.size_bytes, self._packed.token())

    def open(self, path: bytes, *, past_cache: bool = False) -> "TarSource":
        """See `preserve.bag.trees.Tree`. The evidence is READ, whether asked for past the cache or not."""
        full = self._full(path)
        member = self._members.find(full)
        if member.kind is not Kind.FILE:
            self.refused.add(full)
            raise WrongKindError(f"{show(path)}: not a regular file", cause="ELOOP")
        if member.what is not What.FILE:
            why = _WHY_UNREADABLE[member.what]
            raise StoreError(f"{show(path)}: {why}, which is not read here", cause=why)
        return TarSource(path, self._packed, member)

    def _full(self, path: bytes) -> bytes:
        return b"/".join(part for part in (self._base, path) if part)


class TarSource:
    """One member's content, read at its place."""

    evidence = Evidence.READ

    def __init__(self, path: bytes, packed: PackedFile, member: Member) -> None:
        self.path = path
        self._packed = packed
        self._member = member
        self._done_bytes = 0

    def stat(self) -> Stat:
        """See `checks.ports.Source`."""
        return Stat(Kind.FILE, self._member.size_bytes, self._packed.token())

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`. StoreError where the archive ends before the member does."""
        left = self._member.size_bytes - self._done_bytes
        if left == 0:
            return 0
        count = self._packed.readinto_at(self._member.place + self._done_bytes, buffer[: min(left, len(buffer))])
        if count == 0:
            raise DamagedError(f"{show(self.path)}: the archive is cut off in it")
        self._done_bytes += count
        return count

    def close(self) -> None:
        """Nothing to give back: the archive stays open."""
