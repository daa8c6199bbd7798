"""`python -m tests.campaigns.seeded BUG ...`: `preserve`, with a bug that a campaign must catch.

The bugs live here and not in the program: they replace what it calls before it is imported.
"""

import os
import stat as modes
import sys
from collections.abc import Callable

from preserve.stores import durable


def no_flush_of_files() -> None:
    """Bytes are never flushed; folders are."""
    flush = os.fsync

    def only_folders(fd: int) -> None:
        if modes.S_ISDIR(os.fstat(fd).st_mode):
            flush(fd)

    os.fsync = only_folders
    durable.sync_filesystem = lambda path: None


def no_flush_of_folders() -> None:
    """Names are never flushed by themselves; files are, and whole file systems."""
    flush = os.fsync

    def only_files(fd: int) -> None:
        if not modes.S_ISDIR(os.fstat(fd).st_mode):
            flush(fd)

    os.fsync = only_files


def published_first() -> None:
    """What is flushed before it is renamed into place is flushed after that."""
    flush, rename = durable.sync_filesystem, durable.rename_no_replace

    def renamed_then_flushed(source: bytes, target: bytes) -> None:
        rename(source, target)
        flush(os.path.dirname(target))

    durable.sync_filesystem = durable.sync_tree = lambda path: None
    durable.rename_no_replace = renamed_then_flushed


BUGS: dict[str, Callable[[], None]] = {
    "no-flush-of-files": no_flush_of_files,
    "no-flush-of-folders": no_flush_of_folders,
    "published-first": published_first,
}


def main() -> int:
    """Seeds the bug, then runs the command; returns its exit status."""
    bug, *arguments = sys.argv[1:]
    BUGS[bug]()
    from preserve.cli.main import main as preserve

    return preserve(arguments)


if __name__ == "__main__":
    sys.exit(main())
