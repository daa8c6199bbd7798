"""What stands on a replica beside the copies that are recorded there, looked through down to each bag."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from checks.ports import Kind, NotFoundError, Stat, StoreError, WrongKindError
from preserve.bag.tags import declaration
from preserve.bag.tags.manifests import manifests_among
from preserve.stores.identity import OURS
from preserve.stores.local import Name

NOT_ASKED = frozenset({OURS, b"lost+found"})  # ours, and the file system's
PARTIAL = re.compile(rb"\.[^/]*\.partial\Z")  # what a killed run of ours was writing

# Where desktops and storage systems keep what was thrown away, until they empty it.
_BIN = re.compile(rb"(\.Trash(-[0-9]+)?|\.Trashes|\$RECYCLE\.BIN|RECYCLER|@Recycle|#recycle)(/|\Z)", re.IGNORECASE)
_MOST_LEVELS = 16  # below the root
_MOST_FOLDERS = 20_000  # listed below one folder of the root; a collection of pictures is not walked to its end
_MOST_FOUND = 100_000
_KINDS = {Kind.SYMLINK: "link", Kind.FILE: "file"}


class What(StrEnum):
    """What something on a replica is that no copy accounts for."""

    BAG = "bag"
    FOLDER = "folder"  # in which no bag lies
    BAGS = "folder of bags"
    FILE = "file"
    LINK = "link"
    OTHER = "other"  # a device, FIFO or socket
    UNFINISHED = "unfinished copy"
    LEFTOVER = "leftover"  # of a killed run of ours
    QUARANTINE = "quarantine entry"
    NOT_OURS = "not ours"  # and it lies among what is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One thing. `path` is below the replica's root; `note` and `remedy` are for people."""

    path: bytes
    what: What
    note: str = ""
    remedy: str = ""


@dataclass(slots=True, kw_only=True)
class Looked:
    """What was seen.

    Attributes:
        found: in the order of the walk; no more than a hundred thousand, the rest is only counted.
        met: the recorded folders that are there, and are folders.
        ignored: names that were passed over because somebody said so.
        problems: folders that could not be listed or were not looked through to their end, and why.
    """

    found: list[Standing] = field(default_factory=list)
    more: int = 0
    met: set[bytes] = field(default_factory=set)
    ignored: set[bytes] = field(default_factory=set)
    problems: list[tuple[bytes, str]] = field(default_factory=list)

    def add(self, one: Standing) -> None:
        """Takes one more, or counts it."""
        if len(self.found) < _MOST_FOUND:
            self.found.append(one)
        else:
            self.more += 1


class Top(Protocol):
    """What is needed of a store."""

    def names_in(self, folder: bytes) -> Collection[Name]: ...
    def stat(self, path: bytes) -> Stat: ...


class Looking:
    """One look at one replica.

    Args:
        recorded: the folders in which copies are recorded; nothing below them is looked at.
        ignored: names that are not told, as long as they are what is said here (a word of `What`).
    """

    def __init__(self, store: Top, recorded: Collection[bytes], ignored: Mapping[bytes, str]) -> None:
        self._store = store
        self._recorded = frozenset(recorded)
        self._ignored = ignored
        self._above = {above for path in (*self._recorded, *ignored) for above in folders_above(path)}
        self._folders_left = 0
        self._cut = False

    def look(self) -> Looked:
        """Looks through the whole replica.

        Raises:
            StoreError: its root cannot be listed.
        """
        looked = Looked()
        for name, kind, _ in self._store.names_in(b""):
            path = name.rstrip(b"/")
            if path in NOT_ASKED:
                continue
            self._folders_left, self._cut = _MOST_FOLDERS, False
            self._take(path, kind, looked, 1)
            if self._cut:
                looked.problems.append((path, "too much lies in it to be looked through to its end"))
        return looked

    def _take(self, path: bytes, kind: Kind, looked: Looked, level: int) -> bool:
        """Takes down one name and what lies below it; whether a bag or a copy is in it."""
        if path in self._recorded:
            if kind is Kind.DIRECTORY:
                looked.met.add(path)
            return True
        if kind is not Kind.DIRECTORY:
            what = What.LEFTOVER if PARTIAL.search(path) else What(_KINDS.get(kind, "other"))
            self._told(Standing(path=path, what=what), looked)
            return False
        below = Looked()
        what, note = self._folder(path, below, level)
        looked.met |= below.met
        looked.ignored |= below.ignored
        if path in self._ignored:
            if self._ignored[path] == what:
                looked.ignored.add(path)
                return what is not What.FOLDER
            note = _changed(self._ignored[path], note)
        looked.problems += below.problems
        if what is not What.BAGS or path in self._ignored:
            looked.add(Standing(path=path, what=what, note=note))
        if what is What.BAGS:
            for one in below.found:
                looked.add(one)
            looked.more += below.more
        return what is not What.FOLDER

    def _told(self, one: Standing, looked: Looked) -> None:
        said = self._ignored.get(one.path)
        if said == one.what:
            looked.ignored.add(one.path)
        else:
            looked.add(one if said is None else replace(one, note=_changed(said, one.note)))

    def _folder(self, path: bytes, below: Looked, level: int) -> tuple[What, str]:
        """What a folder is, with what lies in it taken down in `below`; and a note on it."""
        self._folders_left -= 1
        if self._folders_left < 0 or level > _MOST_LEVELS:
            self._cut = True
            return What.FOLDER, "not looked through to its end"
        try:
            names = self._store.names_in(path)
        except StoreError as error:
            below.problems.append((path, error.cause or str(error)))
            return What.FOLDER, "it could not be listed"
        if any(name == declaration.NAME and kind is Kind.FILE for name, kind, _ in names):
            return What.BAG, ""
        holds = path in self._above  # of what is recorded or was said to be ignored: then its names are told singly
        for name, kind, _ in names:
            holds = self._take(path + b"/" + name.rstrip(b"/"), kind, below, level + 1) or holds
        if holds:
            return What.BAGS, ""
        manifests = manifests_among(name for name, kind, _ in names if kind is Kind.FILE)
        note = "manifests of a bag lie in it, and no bagit.txt" if manifests else ""
        return What.FOLDER, note or ("" if names else "it is empty")


def is_in_bin(path: bytes) -> bool:
    """Whether it lies in what somebody threw away, at the root of a disk."""
    return _BIN.match(path) is not None


def is_bag(store: Top, folder: bytes) -> bool:
    """Whether a declaration stands in a folder (RFC 8493 §2.1.1); StoreError if that cannot be told."""
    try:
        return store.stat(folder + b"/" + declaration.NAME).kind is Kind.FILE
    except (NotFoundError, WrongKindError):
        return False


def folders_above(path: bytes) -> Iterator[bytes]:
    """The folders on the way to a path, the nearest first; not the root."""
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _changed(said: str, note: str) -> str:
    told = f"it was ignored as a {said}, and is another thing now"
    return f"{told}; {note}" if note else told
