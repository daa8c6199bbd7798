"""An ext4 file system in a file, loop-mounted: a medium whose bits can be turned under a warm cache."""

import mmap
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 4096
_MAP_LOCKED = 0x2000  # Linux; `mmap` has no name for it


@dataclass(frozen=True)
class LoopDisk:
    """`root` is where it is mounted; `image` is the medium."""

    root: Path
    image: Path

    def block_of(self, path: Path, number: int) -> int:
        """Where a block of a file lies on the medium, in bytes. The file's content must be found there only."""
        with path.open("rb") as file:
            file.seek(number * BLOCK_BYTES)
            content = file.read(BLOCK_BYTES).ljust(BLOCK_BYTES, b"\0")
        return self._blocks()[content]

    def turn(self, byte: int, bit: int) -> None:
        """Turns one bit of the medium; the file system above does not hear of it."""
        with self.image.open("r+b", buffering=0) as image:
            image.seek(byte)
            turned = image.read(1)[0] ^ (1 << bit)
            image.seek(byte)
            image.write(bytes([turned]))
            os.fsync(image.fileno())

    def _blocks(self) -> dict[bytes, int]:
        if not _found.get(self.image):
            os.sync()
            with self.image.open("rb") as image:
                _found[self.image] = {
                    block: at * BLOCK_BYTES for at, block in enumerate(iter(lambda: image.read(BLOCK_BYTES), b""))
                }
        return _found[self.image]


_found: dict[Path, dict[bytes, int]] = {}


@contextmanager
def kept_in_cache(paths: Iterable[Path]) -> Iterator[None]:
    """The kernel's memory of these files stays as it is: their pages are locked, for a machine that needs memory."""
    with ExitStack() as held:
        for path in paths:
            file = held.enter_context(path.open("rb"))
            held.enter_context(mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED | _MAP_LOCKED, prot=mmap.PROT_READ))
        yield


@contextmanager
def loop_disk(folder: Path, size: str = "128M") -> Iterator[LoopDisk]:
    """Needs root and a loop device; CalledProcessError says which of them is missing."""
    image, root = folder / "medium.img", folder / "medium"
    root.mkdir()
    subprocess.run(["truncate", "-s", size, image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-b", str(BLOCK_BYTES), image], check=True)
    subprocess.run(["mount", "-o", "loop", image, root], check=True)
    try:
        yield LoopDisk(root, image)
    finally:
        _found.pop(image, None)
        subprocess.run(["umount", "--lazy", root], check=True)
