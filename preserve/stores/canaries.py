"""Canaries on a replica, in `<replica>/.preserve/canaries/`: written durably, never through a link, never over."""

import mmap
import os
import re
import secrets
import stat as modes
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from checks.canaries import CANARIES, Canary
from checks.names import show
from preserve.errors import UndeterminedError
from preserve.stores.durable import rename_no_replace, writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS
from preserve.stores.local_source import DIRECT, cause_of, drop_cache

FOLDER = OURS + b"/canaries"

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_STAGED = re.compile(rb"\.[0-9a-f]{16}\.partial\Z")
_LEFT_SECONDS = 86_400  # what is staged for longer was left by a killed run
_AT_ONCE = 1 << 20


def ensure(root: bytes, at: datetime, damaged: Collection[bytes] = ()) -> tuple[bytes, ...]:
    """Writes the canaries that are missing, and gives their names.

    Args:
        damaged: names of canaries that are renamed aside, in the same folder, before they are written anew.

    Raises:
        UndeterminedError: they cannot be written (a full disk is said), or what is there cannot be looked at.
    """
    if not damaged and not (missing := _missing(root)):
        return ()
    with writing(os.path.join(root, FOLDER)), entered(root, FOLDER, make=True, durable=True) as folder:
        _clear_left(folder, at)
        for name in damaged:
            _set_aside(folder, name, at)
        missing = [canary for canary in CANARIES if not _stands(folder, canary.name)]
        for canary in missing:
            _write(folder, canary)
        os.fsync(folder)
    return tuple(canary.name for canary in missing)


def _missing(root: bytes) -> list[Canary]:
    """Looked for without writing, so that a replica that cannot be written to can still be tested."""
    try:
        with entered(root, FOLDER) as folder:
            return [canary for canary in CANARIES if not _stands(folder, canary.name)]
    except FileNotFoundError:
        return list(CANARIES)
    except OSError as error:
        where = show(os.path.join(root, FOLDER))
        raise UndeterminedError(f"{where}: cannot be looked at: {error.strerror}") from error


def _stands(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _set_aside(folder: int, name: bytes, at: datetime) -> None:
    """Whatever stands there is kept, for whoever looks into what happened to this disk."""
    aside = f".damaged-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}".encode()
    with suppress(FileNotFoundError):
        rename_no_replace(name, name + aside, folder, folder)


def _write(folder: int, canary: Canary) -> None:
    staged = b".%b.partial" % secrets.token_hex(8).encode()
    fd = os.open(staged, _CREATE, 0o644, dir_fd=folder)
    try:
        try:
            content = memoryview(canary.content())
            while content:
                content = content[os.write(fd, content) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        with suppress(FileExistsError):  # another run was faster: the same bytes
            rename_no_replace(staged, canary.name, folder, folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(staged, dir_fd=folder)


def _clear_left(folder: int, at: datetime) -> None:
    """Takes away what killed runs staged, but nothing that another run may be writing now."""
    for name in map(os.fsencode, os.listdir(folder)):
        if _STAGED.match(name):
            with suppress(FileNotFoundError):
                if at.timestamp() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime > _LEFT_SECONDS:
                    os.unlink(name, dir_fd=folder)


@dataclass(frozen=True, slots=True)
class Look:
    """What a canary is on the medium. `fault` is empty if it is as it was written."""

    fault: str = ""
    past_cache: bool = False
    missing: bool = False


def look(root: bytes, canary: Canary) -> Look:
    """Reads a canary by the shortest way there is, without stores and digests, and compares its bytes."""
    try:
        with entered(root, FOLDER) as folder:
            try:
                content, past_cache = _content(folder, canary.name, DIRECT), bool(DIRECT)
            except OSError:
                content, past_cache = _content(folder, canary.name, 0), False
    except (FileNotFoundError, NotADirectoryError):  # the latter is also a link in the folder's place
        return Look("it is not there", missing=True)
    except OSError as error:
        return Look(f"it could not be read ({cause_of(error)})")
    if content is None:
        return Look("it is not a regular file")
    return compared(canary, content, past_cache)


def compared(canary: Canary, content: bytes, past_cache: bool) -> Look:
    """What was read of a canary beside what was written."""
    if content == canary.content():
        return Look(past_cache=past_cache)
    size = f", {len(content):,} bytes where {canary.size_bytes:,} were" if len(content) != canary.size_bytes else ""
    return Look(f"its content is not what was written{size}", past_cache)


def _content(folder: int, name: bytes, flag: int) -> bytes | None:
    """No more than what a canary can have and a little; None if it is no regular file."""
    if not modes.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return None
    fd = os.open(name, _READ | flag, dir_fd=folder)
    try:
        if not flag:
            drop_cache(fd)
        pieces = list[bytes]()
        most = max(canary.size_bytes for canary in CANARIES) // _AT_ONCE + 1
        with mmap.mmap(-1, _AT_ONCE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as buffer:  # page-aligned
            for _ in range(most):
                count = os.readv(fd, [buffer])
                pieces.append(buffer[:count])
                if count < _AT_ONCE:
                    break
        return b"".join(pieces)
    finally:
        os.close(fd)
