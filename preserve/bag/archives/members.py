"""What is in an archive: names, kinds and places, one short string of bytes for each member, in order of path."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from checks.names import show
from checks.ports import Kind, NotFoundError
from preserve.bag.archives import limits as archive_limits
from preserve.bag.archives.limits import BeyondLimitError
from preserve.stores.local import Name

_PLACE = Struct(">QQB")  # where it is, its size, what it is: after the name and a NUL, so that order is that of paths
_LAST = b"\xff" * _PLACE.size
_OVERHEAD_BYTES = 41  # of a bytes object and its place in a list


class What(IntEnum):
    """What a member is. Only a FILE's content can be read."""

    FILE = 0
    FOLDER = 1
    SYMLINK = 2
    OTHER = 3  # device, FIFO, socket
    SPARSE = 4  # a file with holes, stored in a way of its own
    PART = 5  # of a file that goes on, or began, in another volume
    HARD_LINK = 6  # another name of another member


_KINDS = {What.FOLDER: Kind.DIRECTORY, What.SYMLINK: Kind.SYMLINK, What.OTHER: Kind.OTHER}


class Member(NamedTuple):
    """One member. `place` is a byte offset into the archive (of what, its reader knows); `size_bytes` as declared.

    A tuple, because millions of them pass.
    """

    what: What
    place: int
    size_bytes: int

    @property
    def kind(self) -> Kind:
        return _KINDS.get(self.what, Kind.FILE)


class Members:
    """The index of an archive: filled by `add`, then put in order by `seal`, then asked.

    Paths are bytes as the archive has them, without a leading `./` or a trailing `/`. Of members of the same name
    the last one counts, as it does when an archive is unpacked.
    """

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._held_bytes = 0
        self._folders = 0
        self._last_folder = b""

    def __len__(self) -> int:
        return len(self._records)

    def add(self, path: bytes, member: Member) -> None:
        """BeyondLimitError if there would be too many, or walking them would take too long."""
        record = path + b"\0" + _PLACE.pack(member.place, member.size_bytes, member.what)
        self._records.append(record)
        self._held_bytes += len(record) + _OVERHEAD_BYTES
        folder = path.rpartition(b"/")[0]
        if folder != self._last_folder:
            self._last_folder = folder
            self._folders += folder.count(b"/") + 1
        if len(self._records) > archive_limits.MOST_MEMBERS:
            raise BeyondLimitError("members", archive_limits.MOST_MEMBERS)
        if self._held_bytes > archive_limits.MOST_INDEX_BYTES:
            raise BeyondLimitError("bytes of names", archive_limits.MOST_INDEX_BYTES)
        if self._folders > archive_limits.MOST_FOLDERS:
            raise BeyondLimitError("folders", archive_limits.MOST_FOLDERS)

    def seal(self) -> Iterator[bytes]:
        """Puts the index in order; yields each path that more than one file has, or a file and a folder."""
        records = self._records
        records.sort()
        before, was_folder = b"", False
        for record in records:
            path = record[: -_PLACE.size - 1]
            folder = record[-1] == What.FOLDER
            if (path == before and not (folder and was_folder)) or (not folder and self._has_below(path)):
                yield path
            before, was_folder = path, folder

    def find(self, path: bytes) -> Member:
        """NotFoundError if there is no such member; folders that only paths tell of are members, too."""
        at = bisect_right(self._records, path + b"\0" + _LAST) - 1
        if at >= 0 and self._records[at].startswith(path + b"\0"):
            return _member(self._records[at])
        if self._has_below(path):
            return Member(What.FOLDER, 0, 0)
        raise NotFoundError(f"{show(path)}: not in the archive", cause="ENOENT")

    def names_in(self, folder: bytes) -> list[Name]:
        """See `preserve.bag.trees.Tree`; NotFoundError if there is no such folder."""
        prefix = folder + b"/" if folder else b""
        found: dict[bytes, Kind] = {}
        records, at = self._records, bisect_left(self._records, prefix)
        while at < len(records) and records[at].startswith(prefix):
            name = records[at][len(prefix) : -_PLACE.size - 1]
            first, slash, _ = name.partition(b"/")
            if slash:
                found[first + b"/"] = Kind.DIRECTORY
                at = bisect_left(records, prefix + first + b"0", at)  # b"0" is what comes after b"/"
                continue
            kind = _member(records[at]).kind
            found[name + b"/" if kind is Kind.DIRECTORY else name] = kind
            at += 1
        if not found and folder and self.find(folder).what is not What.FOLDER:
            raise NotFoundError(f"{show(folder)}: no such folder", cause="ENOTDIR")
        return [(name, found[name], None) for name in sorted(found)]

    def unlike_files(self) -> Iterator[tuple[bytes, Kind]]:
        """Members that are neither files nor folders: links, devices and the like."""
        for record in self._records:
            if record[-1] in (What.SYMLINK, What.OTHER):
                yield record[: -_PLACE.size - 1], _member(record).kind

    def _has_below(self, path: bytes) -> bool:
        at = bisect_left(self._records, path + b"/")
        return at < len(self._records) and self._records[at].startswith(path + b"/")


def _member(record: bytes) -> Member:
    place, size_bytes, what = _PLACE.unpack_from(record, len(record) - _PLACE.size)
    return Member(What(what), place, size_bytes)
