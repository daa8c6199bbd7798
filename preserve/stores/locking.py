"""A lock file: one process at a time, released by the kernel when its process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from checks.names import show
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.durable import writing


@contextmanager
def locked(path: bytes, *, busy: str, remedy: str, make: bool = False) -> Iterator[None]:
    """Holds the lock as long as the context lasts, and takes the file away at its end.

    Args:
        make: makes the folder that it lies in.

    Raises:
        UsageError: another process holds it; `busy` and `remedy` say so in words.
        UndeterminedError: the file cannot be made or locked.
    """
    lock = _taken(path, busy, remedy, make)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)  # while it is held: nobody else can mean this file
        with suppress(OSError):  # nothing was written into it: what was done under the lock is done
            os.close(lock)


def _taken(path: bytes, busy: str, remedy: str, make: bool) -> int:
    while True:
        with writing(path):
            if make:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            try:
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            except FileNotFoundError:
                if not make:
                    raise
                continue  # whoever was in the folder has just ended and taken it away
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have unlinked the file between our two calls: then this is a lock on nothing.
            if os.stat(path).st_ino == os.fstat(lock).st_ino:
                return lock
        except BlockingIOError as error:
            os.close(lock)
            raise UsageError(busy, remedy=remedy) from error
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(lock)
            raise UndeterminedError(f"{show(path)}: cannot be locked: {error.strerror}") from error
        os.close(lock)
