"""Canaries on a replica: made durably, never through a link, set aside and not overwritten."""

import errno
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.canaries import CANARIES, GOOD
from preserve.errors import UndeterminedError
from preserve.stores import local_source
from preserve.stores.canaries import ensure, look
from tests.support.memory_store import flipped

AT = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = tuple(canary.name for canary in CANARIES)


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    (tmp_path / ".preserve").mkdir()
    return os.fsencode(tmp_path)


def folder(root: bytes) -> Path:
    return Path(os.fsdecode(root)) / ".preserve/canaries"


def names(root: bytes) -> set[bytes]:
    return {os.fsencode(path.name) for path in folder(root).iterdir()}


def test_they_are_made_once_and_are_what_they_are_said_to_be(root: bytes) -> None:
    assert ensure(root, AT) == NAMES
    assert names(root) == set(NAMES)
    before = {path: path.stat().st_ino for path in folder(root).iterdir()}
    assert ensure(root, AT) == ()
    assert before == {path: path.stat().st_ino for path in folder(root).iterdir()}
    assert [look(root, canary).fault for canary in CANARIES] == [""] * len(CANARIES)


def test_one_that_was_deleted_is_made_again_and_the_others_are_left(root: bytes) -> None:
    ensure(root, AT)
    (folder(root) / "page.txt").unlink()
    assert ensure(root, AT) == (b"page.txt",)


def test_a_damaged_one_is_set_aside_with_its_bytes(root: bytes) -> None:
    ensure(root, AT)
    page = folder(root) / "page.txt"
    damaged = flipped(page.read_bytes())
    page.write_bytes(damaged)
    assert ensure(root, AT) == ()  # what stands there is not judged here
    assert ensure(root, AT, (b"page.txt",)) == (b"page.txt",)
    (aside,) = names(root) - set(NAMES)
    assert re.fullmatch(rb"page\.txt\.damaged-20261101T000000Z-[0-9a-f]{8}", aside)
    assert (folder(root) / os.fsdecode(aside)).read_bytes() == damaged
    assert look(root, GOOD[3]).fault == ""


@pytest.mark.parametrize("where", [".preserve", ".preserve/canaries"])
def test_nothing_is_written_through_a_link(tmp_path: Path, where: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    replica = tmp_path / "replica"
    (replica / where).parent.mkdir(parents=True)
    (replica / where).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UndeterminedError):
        ensure(os.fsencode(replica), AT)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_nothing_is_made_where_no_replica_is(tmp_path: Path) -> None:
    with pytest.raises(UndeterminedError):
        ensure(os.fsencode(tmp_path), AT)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_a_canarys_place_is_not_followed_and_is_set_aside(root: bytes, tmp_path: Path) -> None:
    ensure(root, AT)
    page, other = folder(root) / "page.txt", tmp_path / "other"
    page.rename(other)
    page.symlink_to(other)
    assert look(root, GOOD[3]).fault == "it is not a regular file"
    assert ensure(root, AT, (b"page.txt",)) == (b"page.txt",)
    assert page.is_file() and not page.is_symlink() and other.exists()


def test_a_full_disk_is_said_and_leaves_nothing_half(root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    written = os.write

    def full(fd: int, content: memoryview) -> int:
        if len(content) > 5000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(fd, content)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UndeterminedError, match="the disk is full"):
        ensure(root, AT)
    assert names(root) == set()
    monkeypatch.undo()
    assert ensure(root, AT) == NAMES


def test_a_short_write_goes_on(root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    written = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: written(fd, content[:1000]))
    ensure(root, AT)
    assert [look(root, canary).fault for canary in CANARIES] == [""] * len(CANARIES)


def test_what_a_killed_run_staged_goes_when_it_is_old(root: bytes) -> None:
    ensure(root, AT)
    for name, age in ((".0123456789abcdef.partial", 2), (".fedcba9876543210.partial", 0), ("notes.txt", 9)):
        (folder(root) / name).write_bytes(b"half")
        at = (AT - timedelta(days=age)).timestamp()
        os.utime(folder(root) / name, (at, at))
    (folder(root) / "page.txt").unlink()
    ensure(root, AT)
    assert names(root) - set(NAMES) == {b".fedcba9876543210.partial", b"notes.txt"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "its content is not what was written, 0 bytes where 4,096 were"),
        (b"x" * 4096, "its content is not what was written"),
        (b"x" * (9 << 20), "its content is not what was written, 2,097,152 bytes where 4,096 were"),
    ],
)
def test_a_look_tells_what_it_is(root: bytes, content: bytes, fault: str) -> None:
    ensure(root, AT)
    (folder(root) / "page.txt").write_bytes(content)
    assert look(root, GOOD[3]).fault == fault


def test_a_look_that_fails_is_told_and_a_missing_one_too(root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(root, GOOD[3]).missing
    ensure(root, AT)
    (folder(root) / "page.txt").unlink()
    assert look(root, GOOD[3]).missing

    def failing(fd: int, buffers: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "readv", failing)
    seen = look(root, GOOD[0])
    assert seen.fault == "it could not be read (EIO)" and not seen.missing


def test_where_the_cache_cannot_be_passed_the_look_is_taken_through_it(
    root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refusing(path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if local_source.DIRECT and flags & local_source.DIRECT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return opened(path, flags, mode, dir_fd=dir_fd)

    ensure(root, AT)
    monkeypatch.setattr(os, "open", refusing)
    seen = look(root, GOOD[3])
    assert (seen.fault, seen.past_cache) == ("", False)
