"""`preserve`, disturbed as the environment says: reads that are slow or hang, waits that are short.

PRESERVE_TEST_SLOW=NAME      each part of a file whose name ends so takes long to read
PRESERVE_TEST_HANG=NAME      a read of a file whose name ends so never returns
PRESERVE_TEST_READING=FILE   is made when such a file is read for the first time
PRESERVE_TEST_WAIT=SECONDS   what could not be determined is tried again after so long, and no longer
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from checks.ports import Stat
from preserve.catalog import transitions
from preserve.stores.local_source import LocalSource

_SLOW = os.environ.get("PRESERVE_TEST_SLOW")
_HANG = os.environ.get("PRESERVE_TEST_HANG")
_READING = os.environ.get("PRESERVE_TEST_READING", os.devnull)
_WAIT = os.environ.get("PRESERVE_TEST_WAIT")
_SLOW_SECONDS = 0.5

_readinto, _whole = LocalSource.readinto, LocalSource.whole


def readinto(self: LocalSource, buffer: memoryview) -> int:
    _disturb(os.fsdecode(self.path))
    return _readinto(self, buffer)


def whole(self: LocalSource, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
    _disturb(os.fsdecode(self.path))
    return _whole(self, buffer, most_bytes)


def _disturb(path: str) -> None:
    slow, hangs = (name is not None and path.endswith(name) for name in (_SLOW, _HANG))
    if slow or hangs:
        Path(_READING).touch()
        time.sleep(_SLOW_SECONDS)
    while hangs:
        time.sleep(3600)


if __name__ == "__main__":
    LocalSource.readinto, LocalSource.whole = readinto, whole  # type: ignore[method-assign]
    if _WAIT is not None:
        for wait in ("_FIRST_WAIT", "LONGEST_WAIT"):
            assert hasattr(transitions, wait), f"{wait} has another name now, and would be as long as ever"
            setattr(transitions, wait, timedelta(seconds=float(_WAIT)))

    from preserve.cli.entry import run

    sys.exit(run())
