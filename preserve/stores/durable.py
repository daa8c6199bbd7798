"""Writes that survive a crash: flushed files and directories, renames that never replace."""

import ctypes
import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from checks.names import show
from preserve.errors import UndeterminedError

_AT_FDCWD = -100
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def sync_directory(path: bytes) -> None:
    """Flushes a directory, so that renames and new names in it last."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_tree(path: bytes) -> None:
    """Flushes every file and folder of a small tree, and nothing that others wrote."""
    for folder, _, files in os.walk(path, onerror=_raised):  # else it passes over what it cannot list
        for name in files:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        sync_directory(folder)


def _raised(error: OSError) -> None:
    raise error


def sync_filesystem(path: bytes) -> None:
    """Flushes everything written to the file system that holds `path`: one call for a million small files.

    syncfs(2) reports write errors since Linux 5.8. Where there is no syncfs, all file systems are flushed.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        if not hasattr(_libc(), "syncfs"):
            os.sync()
        elif _libc().syncfs(fd) != 0:
            _raise_errno(path)
    finally:
        os.close(fd)


def rename_no_replace(
    source: bytes, target: bytes, source_folder: int | None = None, target_folder: int | None = None
) -> None:
    """Renames; FileExistsError if anything stands at `target`, without a moment in between (renameat2).

    Names are below the folders' descriptors where these are given.
    """
    if hasattr(_libc(), "renameat2"):
        if _renameat2(source, target, source_folder, target_folder, _RENAME_NOREPLACE):
            return
        if ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL):
            _raise_errno(target)
    # File systems without the flag: the look before is all that can be had. rename(2) itself replaces no full folder.
    try:
        os.stat(target, dir_fd=target_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(target))


def exchange(one: bytes, other: bytes, folder_of_one: int, folder_of_other: int) -> bool:
    """Two names, below these folders, change what they name, without a moment in between (renameat2).

    False, and nothing is changed, where the file system or the kernel cannot do that.
    """
    if not hasattr(_libc(), "renameat2"):
        return False
    if _renameat2(one, other, folder_of_one, folder_of_other, _RENAME_EXCHANGE):
        return True
    if ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL):
        _raise_errno(other)
    return False


def _renameat2(source: bytes, target: bytes, source_folder: int | None, target_folder: int | None, flags: int) -> bool:
    folders = [_AT_FDCWD if folder is None else folder for folder in (source_folder, target_folder)]
    return bool(_libc().renameat2(folders[0], source, folders[1], target, flags) == 0)


def write_durably(path: bytes, content: bytes) -> None:
    """Replaces a small file: staged beside it, flushed, renamed, the directory flushed."""
    folder = os.path.dirname(path) or b"."
    staged = os.path.join(folder, b".%s.%s.partial" % (os.path.basename(path), secrets.token_hex(4).encode()))
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            _write_all(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)
        if os.path.exists(path):
            os.chmod(staged, os.stat(path).st_mode & 0o777)
        os.rename(staged, path)
    except BaseException:
        Path(os.fsdecode(staged)).unlink(missing_ok=True)
        raise
    sync_directory(folder)


def clear_unfinished(path: bytes) -> None:
    """Takes away what killed `write_durably` staged for that file; for whoever knows that nobody is writing it."""
    folder, name = os.path.split(os.path.abspath(path))
    staged = re.compile(rb"\.%s\.[0-9a-f]{8}\.partial" % re.escape(name))
    for found in os.listdir(folder):
        if staged.fullmatch(found):
            os.unlink(os.path.join(folder, found))


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _raise_errno(path: bytes) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), os.fsdecode(path))


@contextmanager
def writing(path: bytes) -> Iterator[None]:
    """Turns what the system says of a write into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UndeterminedError(
                f"{show(path)}: the disk is full", remedy="Make room and run the same command again; it goes on."
            ) from error
        raise UndeterminedError(f"{show(path)}: cannot be written: {error.strerror}") from error
