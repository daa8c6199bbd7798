"""Reading what a log does not hold yet, and telling by name what could not be read as it stands."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import cast

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import Kind, Source, StoreError
from preserve.bag.making.ahead import Ahead, itself
from preserve.bag.making.survey import WORK_FOLDER, listed
from preserve.bag.making.worklog import Logged, WorkLog
from preserve.bag.pool import LazyPool
from preserve.bag.trees import Tree
from preserve.bag.walking import walk
from preserve.errors import UndeterminedError
from preserve.progress import Progress
from preserve.stores.local_source import Token

Fits = Callable[[Logged, os.stat_result], bool]


class Difference(StrEnum):
    """How a file on disk differs from what the log says was read."""

    NEW = "it is new"
    GONE = "it is gone"
    CHANGED = "it was changed"


def outstanding(tree: Tree, log: WorkLog, paths: Sequence[bytes]) -> list[bytes]:
    """Those of `paths` (in order, from the tree's root) that the log does not hold as they are on disk now.

    UndeterminedError if that cannot be told: a folder went, or cannot be listed any more.
    """
    if log.empty:
        return list(paths)
    try:
        same = Ahead((path for path, what in _compared(tree, log, Logged.unchanged) if what is None), itself)
        return [path for path in paths if same.at(path) is None]
    except StoreError as error:
        raise UndeterminedError(f"{error}; no bag was made", remedy="Run the same command again.") from error


def differences(tree: Tree, log: WorkLog, fits: Fits) -> Iterator[tuple[bytes, Difference]]:
    """What differs between a tree's files now and the log; nothing if all agree."""
    for path, what in _compared(tree, log, fits):
        if what is not None:
            yield path, what


def _compared(tree: Tree, log: WorkLog, fits: Fits) -> Iterator[tuple[bytes, Difference | None]]:
    """Every path that is on disk or in the log, in order; None where both say the same.

    Raises:
        StoreError: a folder cannot be listed, or a file in it not be looked at.
    """
    entries = log.entries()
    entry = next(entries, None)
    for path, kind, problem, stat in walk(tree, b"", stats=True, skip=WORK_FOLDER):
        if problem is not None:  # what lies in it must not be told as gone
            raise StoreError(f"{show(os.path.join(tree.root, path))}: cannot be listed ({problem})", cause=problem)
        if kind is Kind.DIRECTORY:
            continue
        while entry is not None and entry.path < path:
            yield entry.path, Difference.GONE
            entry = next(entries, None)
        if entry is None or entry.path != path:
            yield path, Difference.NEW
            continue
        same = stat is not None and kind is Kind.FILE and fits(entry, stat)
        yield path, None if same else Difference.CHANGED
        entry = next(entries, None)
    while entry is not None:
        yield entry.path, Difference.GONE
        entry = next(entries, None)


def changed_at_the_top(root: bytes, log: WorkLog, paths: Sequence[bytes]) -> list[str]:
    """Files that a rename will give a new ctime and that were changed: the last moment at which it can be compared.

    Of files in folders the ctime stays as it is, so that they are looked at once, after the move.
    """
    top = {path for path in paths if b"/" not in path}
    changed = []
    for entry in log.entries() if top else ():
        if entry.path not in top:
            continue
        try:
            same = entry.unchanged(os.lstat(os.path.join(root, entry.path)))
        except OSError:
            same = False  # gone, or no more to be looked at: the next look tells
        if not same:
            changed.append(f"{show(entry.path)}: {Difference.CHANGED}")
    return changed


def gather(
    wanted: Iterable[Wanted],
    log: WorkLog,
    algorithms: Sequence[str],
    pool: LazyPool,
    progress: Progress,
    on_reading: Callable[[Reading], None] = lambda _: None,
) -> None:
    """Reads every file to its end and logs it.

    Raises:
        UndeterminedError: some could not be read or changed meanwhile. All others are logged; these are named.
    """
    faults: list[str] = []
    for reading in Digester(algorithms, pool, told=pool.telling(progress)).observe(wanted):
        on_reading(reading)
        progress.advance(files=1)
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


def plainly(tree: Tree, paths: Iterable[bytes]) -> Iterator[Wanted]:
    """Files that are read and nothing else."""
    for path in paths:
        yield Wanted(path=path, open=partial(_opened, tree, path), expected_bytes=None)


def _opened(tree: Tree, path: bytes) -> Source:
    return tree.open(path, past_cache=False)
