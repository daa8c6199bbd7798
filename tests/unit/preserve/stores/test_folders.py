"""Folders that are walked to: made, and durable where that is asked for."""

import os
from pathlib import Path

import pytest

from preserve.stores.folders import entered


@pytest.mark.parametrize("stands", [False, True])
def test_names_are_flushed_whoever_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stands: bool) -> None:
    """A run that was killed after making a folder did not flush its name: the next one does."""
    if stands:
        (tmp_path / "a" / "b").mkdir(parents=True)
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))
    with entered(os.fsencode(tmp_path), b"a/b", make=True, durable=True):
        assert flushed == [str(tmp_path), str(tmp_path / "a")]
