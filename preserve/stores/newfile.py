"""A file that is written piece by piece, and stands under its name only when it is whole and flushed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from preserve.errors import UsageError
from preserve.stores.durable import rename_no_replace, sync_directory, writing

_REMEDY = "Choose another name, or move it away first."


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A stream into a new file; makes its folder. What fails on the way leaves nothing behind.

    Raises:
        UsageError: something is there already. Nothing is written over.
        UndeterminedError: it cannot be written.
    """
    target = path.absolute()
    if os.path.lexists(target):
        raise UsageError(f"{path} is there already", remedy=_REMEDY)
    staged = target.with_name(f".{secrets.token_hex(8)}.partial")
    with writing(os.fsencode(path)):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(staged, "xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            rename_no_replace(os.fsencode(staged), os.fsencode(target))
        except FileExistsError as error:
            raise UsageError(f"{path} is there already", remedy=_REMEDY) from error
        finally:
            staged.unlink(missing_ok=True)
        sync_directory(os.fsencode(target.parent))
