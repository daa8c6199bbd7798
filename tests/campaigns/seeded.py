"""`python -m tests.campaigns.seeded SEED,... ...`: `preserve`, with bugs that a campaign must catch.

The bugs live here and not in the program: they replace what it calls before it is imported. A variant is no bug: with
it, the program must do just as well.
"""

import os
import stat as modes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

from preserve.stores import durable

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike


def _replace(module: ModuleType, name: str, by: object) -> None:
    """Of a name that the module imports; AttributeError if it does no more, as the bug would not be there."""
    getattr(module, name)
    setattr(module, name, by)


def _number(fd: "FileDescriptorLike") -> int:
    return fd if isinstance(fd, int) else fd.fileno()


def no_flush_of_files() -> None:
    """Bytes are never flushed; folders are."""
    flush = os.fsync

    def only_folders(fd: "FileDescriptorLike") -> None:
        if modes.S_ISDIR(os.fstat(_number(fd)).st_mode):
            flush(fd)

    os.fsync = only_folders
    durable.sync_filesystem = lambda path: None


def no_flush_of_folders() -> None:
    """Names are never flushed by themselves; files are, and whole file systems."""
    flush = os.fsync

    def only_files(fd: "FileDescriptorLike") -> None:
        if not modes.S_ISDIR(os.fstat(_number(fd)).st_mode):
            flush(fd)

    os.fsync = only_files


def published_first() -> None:
    """What is flushed before it is renamed into place is flushed after that."""
    flush, rename = durable.sync_filesystem, durable.rename_no_replace

    def renamed_then_flushed(
        source: bytes, target: bytes, source_folder: int | None = None, target_folder: int | None = None
    ) -> None:
        rename(source, target, source_folder, target_folder)
        if source_folder is None and target_folder is None:
            flush(os.path.dirname(target))

    durable.sync_filesystem = durable.sync_tree = lambda path: None
    durable.rename_no_replace = renamed_then_flushed


def renamed_first() -> None:
    """What a repair stages is flushed after it was renamed into place."""
    from preserve.stores.quarantine import CONTENT, Entry

    waiting, file, exchange, move = _Waiting(modes.S_ISREG), Entry.file, Entry.exchange, Entry._move

    @contextmanager
    def unflushed(self: Entry, name: bytes, **known: Any) -> Iterator[Callable[[memoryview], None]]:
        with waiting.instead() if name == CONTENT else nullcontext(), file(self, name, **known) as sink:
            yield sink

    def exchanged(self: Entry, path: bytes) -> None:
        exchange(self, path)
        waiting.flush()

    def moved(self: Entry, path: bytes, name: bytes, **how: bool) -> None:
        move(self, path, name, **how)
        waiting.flush()

    Entry.file, Entry.exchange, Entry._move = unflushed, exchanged, moved  # type: ignore[method-assign]


def recorded_first() -> None:
    """A repair's renames are flushed after they were recorded."""
    from preserve.catalog.acts import Act, Acts
    from preserve.catalog.rows import CheckResult
    from preserve.stores.quarantine import Entry

    waiting, exchange, move, record = _Waiting(modes.S_ISDIR), Entry.exchange, Entry._move, Acts.record_acts

    def exchanged(self: Entry, path: bytes) -> None:
        with waiting.instead():
            exchange(self, path)

    def moved(self: Entry, path: bytes, name: bytes, **how: bool) -> None:
        with waiting.instead():
            move(self, path, name, **how)

    def recorded(self: Acts, acts: Sequence[Act], results: Sequence[CheckResult], at: datetime) -> list[int]:
        numbers = record(self, acts, results, at)
        waiting.flush()
        return numbers

    Entry.exchange, Entry._move, Acts.record_acts = exchanged, moved, recorded  # type: ignore[method-assign]


def described_first() -> None:
    """A backup is flushed after it was renamed and described."""
    from preserve.stores import backups

    waiting, created, place = _Waiting(modes.S_ISREG), backups._created, backups.Backups.place

    @contextmanager
    def unflushed(folder: int, name: bytes) -> Iterator[int]:
        with waiting.instead() if b".sqlite" in name else nullcontext(), created(folder, name) as fd:
            yield fd

    def placed(self: backups.Backups, source: bytes, backup: backups.Described) -> None:
        place(self, source, backup)
        waiting.flush()

    backups._created, backups.Backups.place = unflushed, placed  # type: ignore[method-assign]


def pruned_first() -> None:
    """The oldest backup goes before the new one stands."""
    from preserve.stores.backups import Backups, Described

    place = Backups.place

    def placed(self: Backups, source: bytes, backup: Described) -> None:
        self.prune(2, backup, [(one.name, one.sha256) for one in reversed(self.kept())])
        place(self, source, backup)

    Backups.place = placed  # type: ignore[method-assign]


def settled_unflushed() -> None:
    """What a killed repair left is recorded as it is found, and may be in memory only."""
    from preserve.stores import local_replica

    _replace(local_replica, "sync_filesystem", lambda path: None)


class _Waiting:
    """Flushes that are put off, of what is of one kind."""

    def __init__(self, kind: Callable[[int], bool]) -> None:
        self._kind = kind
        self._flush = os.fsync
        self._put_off: list[int] = []

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Within this, such flushes are put off."""
        os.fsync = self._put_off_or_done
        try:
            yield
        finally:
            os.fsync = self._flush

    def _put_off_or_done(self, fd: "FileDescriptorLike") -> None:
        if self._kind(os.fstat(_number(fd)).st_mode):
            self._put_off.append(os.dup(_number(fd)))
        else:
            self._flush(fd)

    def flush(self) -> None:
        while self._put_off:
            fd = self._put_off.pop()
            self._flush(fd)
            os.close(fd)


def no_exchange() -> None:
    """No bug: the file system cannot exchange two names."""
    from preserve.stores import quarantine

    _replace(quarantine, "exchange", lambda *names: False)


BUGS: dict[str, Callable[[], None]] = {
    "no-flush-of-files": no_flush_of_files,
    "no-flush-of-folders": no_flush_of_folders,
    "published-first": published_first,
    "renamed-first": renamed_first,
    "recorded-first": recorded_first,
    "described-first": described_first,
    "pruned-first": pruned_first,
    "settled-unflushed": settled_unflushed,
}
VARIANTS: dict[str, Callable[[], None]] = {"no-exchange": no_exchange}


def main() -> int:
    """Seeds what is asked for, then runs the command; returns its exit status."""
    names, *arguments = sys.argv[1:]
    for name in names.split(","):
        {**BUGS, **VARIANTS}[name]()
    from preserve.cli.main import main as preserve

    return preserve(arguments)


if __name__ == "__main__":
    sys.exit(main())
