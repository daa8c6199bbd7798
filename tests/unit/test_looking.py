"""A look that fails is no "no": what stands there and cannot be looked at must not be taken for gone."""

import errno
import os
from pathlib import Path

import pytest

from preserve.errors import UndeterminedError
from preserve.stores.looking import mode_of, reading, stands


def test_nothing_a_file_and_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    at = os.fsencode(tmp_path)
    assert [stands(at + b"/" + name) for name in (b"file", b"link", b"none", b"file/below")] == [
        True,
        True,
        False,
        False,
    ]
    assert mode_of(at + b"/none") is None


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_what_cannot_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(path: bytes) -> os.stat_result:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(os, "lstat", fail)
    with pytest.raises(UndeterminedError, match=f"here: cannot be looked at: {os.strerror(number)}"):
        stands(b"/there/here")


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(UndeterminedError, match="log: cannot be read"), reading(b"/there/log"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
