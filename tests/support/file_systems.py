"""Real file systems that make other names of names, in a file: NTFS and FAT by FUSE, FAT and case-folding ext4 by the
kernel where it has them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

# lowntfs-3g folds case, lists all names in small letters and refuses what Windows does not take: the one that works
# wherever there is /dev/fuse.
KINDS = ("ntfs", "fat-by-fuse", "vfat", "exfat", "ext4-casefold")
_WITH_SBIN = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
_IN_CI = frozenset({"ntfs", "fat-by-fuse"})  # Debian has what makes and mounts them, without the kernel
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


@cache
def kinds_here() -> list[str]:
    """Those that can be made on this machine, each tried once; in CI also those that must be."""
    here = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory(prefix="preserve-disk-") as folder:
            try:
                with mounted(kind, Path(folder)):
                    here.append(kind)
            except (OSError, subprocess.SubprocessError):
                if kind in _IN_CI and os.environ.get("CI"):
                    here.append(kind)  # and its tests say what is missing
    return here


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """Its root. OSError or SubprocessError where neither kernel nor FUSE has it."""
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
        yield root / "replica" if kind == "ext4-casefold" else root
    finally:
        if os.path.ismount(root):
            subprocess.run(["umount", "--lazy", root], check=True)
