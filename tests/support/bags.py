"""Bags for tests, made by the reference implementation, so that what is taken in is not only of our own making."""

import shutil
from pathlib import Path

import bagit


def make_bag(source: Path, target: Path) -> None:
    """A bag of a copy of `source` at `target`."""
    shutil.copytree(source, target)
    bagit.make_bag(str(target), checksums=["sha256", "sha512"])
