"""Looks that tell "it is not there" from "it cannot be told": os.path takes every error for a no."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from checks.names import show
from preserve.errors import UndeterminedError


def mode_of(path: bytes) -> int | None:
    """The type and mode of what stands at a path, a link as such; None if nothing does.

    Raises:
        UndeterminedError: it cannot be told.
    """
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UndeterminedError(f"{show(path)}: cannot be looked at: {error.strerror}") from error


def stands(path: bytes) -> bool:
    """Whether anything stands at a path, a link to nothing too; UndeterminedError if it cannot be told."""
    return mode_of(path) is not None


@contextmanager
def reading(path: bytes) -> Iterator[None]:
    """Turns what the system says of a read into an error that names the file."""
    try:
        yield
    except OSError as error:
        raise UndeterminedError(f"{show(path)}: cannot be read: {error.strerror}") from error
