"""Empty folders, which no manifest can list: an empty file `.keep` may stand for each (RFC 8493 §2.1.3)."""

import os
from collections.abc import Iterable

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, Stat, StoreError
from preserve.errors import UndeterminedError
from preserve.stores.durable import writing
from preserve.stores.local import LocalStore
from preserve.stores.local_source import token_of

KEEP = b".keep"
_TIMES = {"st_atime_ns": 0, "st_mtime_ns": 0, "st_ctime_ns": 0}
NOTHING = os.stat_result((0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0), _TIMES)  # of a file that is only in the bag
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NoBytes:
    """An open file with nothing in it, which lies on no disk; see `checks.ports.Source`."""

    evidence = Evidence.READ

    def __init__(self, path: bytes) -> None:
        self.path = path

    def stat(self) -> Stat:
        """Always the same: a rerun finds it unchanged."""
        return stat_of_nothing()

    def readinto(self, buffer: memoryview) -> int:
        return 0

    def close(self) -> None:
        pass


def stat_of_nothing() -> Stat:
    """What is said of a file `.keep` that is not in the source; it has no time."""
    return Stat(Kind.FILE, 0, token_of(NOTHING))


def keep_in_place(store: LocalStore, folders: Iterable[bytes]) -> list[bytes]:
    """Makes a file `.keep` in each of these empty folders, durably and through no link; returns their paths.

    One that came to be there meanwhile is left as it is.

    Raises:
        UndeterminedError: it cannot be made; those that were made stay, and the next run takes them as files.
    """
    made = []
    for folder in folders:
        path = folder + b"/" + KEEP
        try:
            fd = store.open_folder(folder)
        except StoreError as error:
            raise UndeterminedError(f"{show(folder)}: cannot be opened any more ({error.cause or error})") from error
        try:
            with writing(os.path.join(store.root, path)):
                _make(fd)
        finally:
            os.close(fd)
        made.append(path)
    return made


def _make(folder: int) -> None:
    try:
        fd = os.open(KEEP, _NEW, 0o666, dir_fd=folder)
    except FileExistsError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    os.fsync(folder)
