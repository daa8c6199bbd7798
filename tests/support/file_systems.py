"""Real file systems that make other names of names, in a file: NTFS and FAT by FUSE, FAT and case-folding ext4 by the
kernel where it has them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# lowntfs-3g folds case, lists all names in small letters and refuses what Windows does not take: the one that works
# wherever there is /dev/fuse.
KINDS = ("ntfs", "fat-by-fuse", "vfat", "exfat", "ext4-casefold")
_WITH_SBIN = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
_EVERYWHERE = frozenset({"ntfs"})
_MADE = {
    "ntfs": (
        ["mkntfs", "-F", "-Q", "-q", "{image}"],
        ["lowntfs-3g", "{image}", "{root}", "-o", "windows_names,ignore_case"],
    ),
    "fat-by-fuse": (["mkfs.vfat", "{image}"], ["fusefat", "-o", "rw+", "{image}", "{root}"]),
    "vfat": (["mkfs.vfat", "{image}"], ["mount", "-o", "loop", "-t", "vfat", "{image}", "{root}"]),
    "exfat": (["mkfs.exfat", "{image}"], ["mount", "-o", "loop", "-t", "exfat", "{image}", "{root}"]),
    "ext4-casefold": (
        ["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8", "{image}"],
        ["mount", "-o", "loop", "{image}", "{root}"],
    ),
}  # fmt: skip


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """Its root. Skips where neither kernel nor FUSE has it; in CI only what needs a kernel that CI may not have."""
    image, root = folder / f"{kind}.img", folder / kind
    root.mkdir()
    try:
        subprocess.run(["truncate", "-s", "64M", image], check=True)
        for command in _MADE[kind]:
            words = [word.format(image=image, root=root) for word in command]
            subprocess.run(words, check=True, capture_output=True, timeout=60, env=_WITH_SBIN)
        if not os.path.ismount(root):
            raise OSError(f"{kind} was not mounted")
        if kind == "ext4-casefold":  # only an empty folder can be made to fold case
            (root / "replica").mkdir()
            subprocess.run(["chattr", "+F", root / "replica"], check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        if os.path.ismount(root):
            subprocess.run(["umount", "--lazy", root], check=True)
        if kind in _EVERYWHERE and os.environ.get("CI"):
            raise
        pytest.skip(f"no {kind} here: {error}")
    try:
        yield root / "replica" if kind == "ext4-casefold" else root
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)
