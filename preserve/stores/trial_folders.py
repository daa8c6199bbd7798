"""A folder of ours on a replica in which something is tried for real, and of which nothing is left."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from preserve.stores.durable import writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS
from preserve.stores.trial_names import is_left, trial_name

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# With these it is the disk that does not work, not the name.
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN}


@contextmanager
def trial_folder(root: bytes) -> Iterator[int]:
    """A descriptor of a new, empty folder on that file system, gone with all in it at the end."""
    name = trial_name()
    with writing(os.path.join(root, OURS, name)), entered(root, OURS) as ours:
        _clear_left(ours)
        os.mkdir(name, dir_fd=ours)
        try:
            with entered(root, OURS + b"/" + name) as folder:
                yield folder
        finally:
            _take_away(ours, name)


def _clear_left(ours: int) -> None:
    for name in map(os.fsencode, os.listdir(ours)):
        if is_left(name):
            with suppress(OSError):
                _take_away(ours, name)


def _take_away(above: int, name: bytes) -> None:
    folder = os.open(name, _FOLDER, dir_fd=above)
    try:
        empty(folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=above)


def empty(folder: int) -> None:
    with os.scandir(folder) as entries:
        found = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if is_folder:
            _take_away(folder, name)
        else:
            os.unlink(name, dir_fd=folder)


@contextmanager
def alone(folder: int) -> Iterator[int]:
    """A folder in the trial's, in which nothing else is; gone at the end."""
    os.mkdir(b"alone", dir_fd=folder)
    inner = os.open(b"alone", _FOLDER, dir_fd=folder)
    try:
        yield inner
    finally:
        os.close(inner)
        _take_away(folder, b"alone")


def refusal(folder: int, name: bytes) -> OSError | None:
    """An empty file; the error, if it is the name's."""
    try:
        os.close(os.open(name, _CREATE, 0o600, dir_fd=folder))
    except OSError as error:
        if error.errno in _OF_THE_DISK:
            raise
        return error
    return None


def names(folder: int) -> set[bytes]:
    return set(map(os.fsencode, os.listdir(folder)))
