"""Reading what a log does not hold yet, and telling by name what could not be read as it stands."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import Kind, Source
from preserve.bag.progress import Progress
from preserve.bag.survey import WORK_FOLDER, listed
from preserve.bag.walking import walk
from preserve.bag.worklog import Logged, WorkLog
from preserve.errors import UndeterminedError
from preserve.stores.local import LocalStore, Token

if TYPE_CHECKING:
    from concurrent.futures import Executor

Fits = Callable[[Logged, os.stat_result], bool]


def outstanding(store: LocalStore, log: WorkLog, paths: Sequence[bytes]) -> list[bytes]:
    """Those of `paths` (in order, from the store's root) that the log does not hold as they are on disk now."""
    if log.empty:
        return list(paths)
    return [path for path, _ in differences(store, log, paths, Logged.unchanged)]


def differences(
    store: LocalStore, log: WorkLog, paths: Sequence[bytes], fits: Fits
) -> Iterator[tuple[bytes, str]]:
    """(path, what is different) between a store's files now, the wanted paths, and the log; nothing if all agree."""
    entries = _Ahead(log.entries())
    present = _Ahead(seen for seen in walk(store, b"", stats=True, skip=WORK_FOLDER) if seen.kind is not Kind.DIRECTORY)
    for path in paths:
        while (seen := present.at_or_before(path)) is not None and seen.path != path:
            yield seen.path, "it is new"
        while (entry := entries.at_or_before(path)) is not None and entry.path != path:
            pass
        if seen is None:
            yield path, "it is gone"
        elif entry is None:
            yield path, "it was not read"
        elif seen.stat is None or not fits(entry, seen.stat):
            yield path, "it was changed"
    for seen in present.rest():
        yield seen.path, "it is new"


class _HasPath(Protocol):
    @property
    def path(self) -> bytes: ...


_T = TypeVar("_T", bound=_HasPath)


class _Ahead(Generic[_T]):
    """A stream in order of paths, of which the next item can be looked at."""

    def __init__(self, items: Iterator[_T]) -> None:
        self._items = items
        self._next = next(items, None)

    def at_or_before(self, path: bytes) -> _T | None:
        """Takes the next item if its path is not after this one."""
        found = self._next
        if found is None or found.path > path:
            return None
        self._next = next(self._items, None)
        return found

    def rest(self) -> Iterator[_T]:
        """Takes all that is left."""
        if self._next is not None:
            yield self._next
            yield from self._items


def gather(
    wanted: Iterable[Wanted],
    log: WorkLog,
    algorithms: Sequence[str],
    pool: "Executor",
    progress: Progress,
    on_reading: Callable[[Reading], None] = lambda _: None,
) -> None:
    """Reads every file to its end and logs it.

    Raises:
        UndeterminedError: some could not be read or changed meanwhile. All others are logged; these are named.
    """
    faults: list[str] = []
    for reading in Digester(algorithms, pool).observe(wanted):
        on_reading(reading)
        progress.advance(1, reading.size_bytes)
        if reading.sound and reading.stat is not None:
            log.append(reading, cast(Token, reading.stat.token))
        else:
            faults.append(f"{show(reading.path)}: {why_not_read(reading)}")
    log.flush()
    if faults:
        raise UndeterminedError(
            f"{len(faults)} of the source's files could not be read as they are; no bag was made\n" + listed(faults),
            remedy="See to these files and run the same command again; what was read is not read again.",
        )


def why_not_read(reading: Reading) -> str:
    """In words."""
    if reading.missing:
        return "it is gone"
    if reading.wrong_kind:
        return "it is no regular file any more"
    if reading.changed:
        return "it changed while it was being read"
    return f"it cannot be read ({reading.problem})"


def plainly(store: LocalStore, paths: Iterable[bytes]) -> Iterator[Wanted]:
    """Files that are read and nothing else."""
    for path in paths:
        yield Wanted(path=path, open=partial(_opened, store, path), expected_bytes=None)


def _opened(store: LocalStore, path: bytes) -> Source:
    return store.open(path, past_cache=False)
