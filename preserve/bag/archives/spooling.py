"""A compressed tar has no order but its own: it is unpacked into a nameless temporary file, and read as a plain tar."""

import os
from collections.abc import Callable, Iterator

from checks.names import show
from checks.ports import StoreError
from preserve.bag.archives.limits import Expansion
from preserve.bag.archives.packed import PackedFile
from preserve.bag.archives.unpacking import Decompressor, whole
from preserve.errors import UndeterminedError
from preserve.progress import Progress

_IN_BYTES = 1 << 16  # many tiny streams in one piece are cut off it one by one
_LEFT_FREE_BYTES = 256 << 20  # of the temporary folder's disk, which others need, too
_LOOKED_AT_EACH_BYTES = 64 << 20


def spooled(
    packed: PackedFile, make: Callable[[], Decompressor], progress: Progress
) -> tuple[PackedFile, StoreError | None]:
    """The tar in a compressed file, and what stopped the unpacking before the end (a StoreError of `archive_limits`).

    What came out so far is there in any case. The temporary file has no name and goes with its descriptor.

    Raises:
        UndeterminedError: there is not room enough for it.
        StoreError: the file cannot be read.
    """
    import tempfile  # slow to come

    progress.stage("unpacking", bytes=packed.size_bytes)
    with tempfile.TemporaryFile(prefix="preserve-", buffering=0) as file:
        stopped: StoreError | None = None
        expansion, written, looked_at = Expansion(packed.size_bytes), 0, -_LOOKED_AT_EACH_BYTES
        try:
            for piece in whole(make, _told(packed, progress)):
                expansion.add(len(piece))
                if written - looked_at >= _LOOKED_AT_EACH_BYTES:
                    _refuse_full(packed, file.fileno())
                    looked_at = written
                _write(file.fileno(), piece)
                written += len(piece)
        except StoreError as error:
            stopped = error
        except OSError as error:
            raise _no_room(packed, error.strerror or str(error)) from error
        return PackedFile(packed.path, os.dup(file.fileno()), original=packed), stopped


def _told(packed: PackedFile, progress: Progress) -> Iterator[tuple[int, bytes]]:
    for place, chunk in packed.chunks(0, _IN_BYTES):
        yield place, chunk
        progress.advance(bytes=len(chunk))


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _refuse_full(packed: PackedFile, fd: int) -> None:
    disk = os.fstatvfs(fd)
    if disk.f_bavail * disk.f_frsize < _LEFT_FREE_BYTES:
        raise _no_room(packed, f"fewer than {_LEFT_FREE_BYTES >> 20} MiB are free there")


def _no_room(packed: PackedFile, why: str) -> UndeterminedError:
    return UndeterminedError(
        f"{show(packed.path)}: could not be unpacked into the temporary folder: {why}",
        remedy="A compressed tar is unpacked there to be read; name a folder with more room in TMPDIR.",
    )
