"""Inodes and times that a bag in the making keeps in its logs, made those of a state that was written anew.

On a disk of which the power was cut, a file keeps its inode, and may keep its times even where its bytes are lost. A
state of the campaign has other inodes and times; without this, a rerun would read everything again and be judged for
what it never relied on. A file whose size is another than the log's is left as it is: it shows that it differs.
"""

import stat as modes
from collections.abc import Sequence
from pathlib import Path

from preserve.bag.making import worklog


def remember(log: Path, folders: Sequence[Path]) -> None:
    """Makes each good line of a log fit the file of that name in the first of `folders` that has one of its size."""
    if not log.is_file():
        return
    lines = []
    for line in log.read_bytes().splitlines(keepends=True):
        entry = worklog._parsed(line)
        lines.append(line if entry is None else worklog._line(_fitting(entry, folders)))
    log.write_bytes(b"".join(lines))


def _fitting(entry: worklog.Logged, folders: Sequence[Path]) -> worklog.Logged:
    for folder in folders:
        path = folder / entry.path.decode()
        if path.is_file():
            found = path.lstat()
            if modes.S_ISREG(found.st_mode) and found.st_size == entry.size_bytes:
                return entry._replace(seen=(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino))
    return entry
