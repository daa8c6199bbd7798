"""Whether a replica can hold all names of a copy as they are, asked before a byte of it is written."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice

from checks.names import show
from preserve.errors import UsageError
from preserve.ordering import Sorter
from preserve.stores.local_replica import LocalReplica
from preserve.stores.port import ReplicaStore

Paths = Callable[[], Iterable[bytes]]  # from the replica's root; may be asked again

_PLAIN = re.compile(rb"[A-Za-z0-9._\-/]*\Z")
_LONG_BYTES = 100
_AT_ONCE = 100_000  # names tried together
_MOST_TOLD = 5
_TWINS = [b"twins/" + name.encode() for name in ("xa", "xA", "xж", "xЖ", "xé", "xe\u0301")]


def refuse_unfit(store: ReplicaStore, paths: Paths, replica: str) -> None:
    """UsageError that names some of the paths that the replica could not hold or would change.

    Raises:
        UndeterminedError: it cannot be tried there.
    """
    found = _Unfit()
    waiting: list[bytes] = []
    differing = False
    for path in paths():
        differing = differing or _folded(path) != path
        if why := store.refused(path):
            found.take({path: why})
        elif not _is_plain(path):
            waiting.append(path)
            if len(waiting) >= _AT_ONCE:
                found.take(store.unfit(waiting))
                waiting = []
    # Names fall together only where these do; then all that may are tried, whatever they look like.
    alike = _alike(paths()) if differing and store.unfit(_TWINS) else iter(())
    while some := [*waiting, *islice(alike, _AT_ONCE)]:
        found.take(store.unfit(some))
        waiting = []
    found.refuse(replica)


def refuse_too_large(store: ReplicaStore, sizes: Iterable[int], replica: str) -> None:
    """UsageError where the file system of a folder takes no file as large as the largest of these (bytes)."""
    if isinstance(store, LocalReplica) and (why := store.too_large(max(sizes, default=0))):
        raise UsageError(
            f"the replica {replica}: {why}; nothing was written",
            remedy="Keep this package on a disk with another file system, such as ext4, NTFS or exFAT.",
        )


class _Unfit:
    def __init__(self) -> None:
        self._told: dict[bytes, str] = {}
        self._more = 0

    def take(self, found: Mapping[bytes, str]) -> None:
        for path, why in found.items():
            if len(self._told) < _MOST_TOLD:
                self._told[path] = why
            elif path not in self._told:
                self._more += 1

    def refuse(self, replica: str) -> None:
        if not self._told:
            return
        named = "; ".join(f"{show(path)} ({why})" for path, why in self._told.items())
        more = f"; and {self._more:,} more" if self._more else ""
        raise UsageError(
            f"the replica {replica} cannot hold these names as they are: {named}{more}; nothing was written",
            remedy="Place this package on a replica that can hold them; or take it in anew in a form of your own, such "
            "as one archive file. Names are never changed here.",
        )


def _is_plain(path: bytes) -> bool:
    if not _PLAIN.match(path):
        return False
    return len(path) <= _LONG_BYTES or max(map(len, path.split(b"/"))) <= _LONG_BYTES


def _alike(paths: Iterable[bytes]) -> Iterator[bytes]:
    """Paths of files and folders that are one when case is folded, or accents are coded alike. In bounded memory."""
    with closing(Sorter()) as sorter:
        for path in _with_folders(paths):
            sorter.add(_folded(path) + b"\0" + path)
        before, told = (b"", b""), False
        for record in sorter:
            key, _, path = record.partition(b"\0")
            if key == before[0] and path != before[1]:
                if not told:
                    yield before[1]
                yield path
                told = True
            elif key != before[0]:
                told = False
            before = key, path


def _with_folders(paths: Iterable[bytes]) -> Iterator[bytes]:
    """Each path and the folders above it, which many share that follow each other."""
    before = b""
    for path in paths:
        folder = path.rpartition(b"/")[0]
        if folder != before:
            parts = folder.split(b"/")
            yield from (b"/".join(parts[: number + 1]) for number in range(len(parts)))
        yield path
        before = folder


def _folded(path: bytes) -> bytes:
    """As a place that folds case and normalises may take it; more is alike here than anywhere."""
    if path.isascii():
        return path.lower()
    text = unicodedata.normalize("NFD", os.fsdecode(path)).casefold()
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")
