"""Reading what a log does not hold yet, and telling by name what could not be read as it stands."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, cast

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import Kind, Source
from preserve.bag.ahead import Ahead, itself
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
    return [path for path, what in differences(store, log, paths, Logged.unchanged) if what is not Difference.NEW]


class Difference(StrEnum):
    """How a file on disk differs from what was wanted and read."""

    NEW = "it is new"
    GONE = "it is gone"
    UNREAD = "it was not read"
    CHANGED = "it was changed"


def differences(
    store: LocalStore, log: WorkLog, paths: Sequence[bytes], fits: Fits
) -> Iterator[tuple[bytes, Difference]]:
    """What differs between a store's files now, the wanted paths (in order) and the log; nothing if all agree."""
    entries = Ahead(log.entries(), _path)
    wanted = Ahead(iter(paths), itself)
    for seen in walk(store, b"", stats=True, skip=WORK_FOLDER):
        if seen.kind is Kind.DIRECTORY:
            continue
        while (path := wanted.peek()) is not None and path < seen.path:
            wanted.take()
            yield path, Difference.GONE
        if path != seen.path:
            yield seen.path, Difference.NEW
            continue
        wanted.take()
        entry = entries.at(seen.path)
        if entry is None:
            yield seen.path, Difference.UNREAD
        elif seen.stat is None or seen.kind is not Kind.FILE or not fits(entry, seen.stat):
            yield seen.path, Difference.CHANGED
    while (path := wanted.take()) is not None:
        yield path, Difference.GONE


def _path(entry: Logged) -> bytes:
    return entry.path


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
