"""The log of what was read survives being cut off anywhere."""

import os
from pathlib import Path

import pytest

from checks.digesting import Reading
from preserve.bag.making.worklog import Logged, WorkLog

DIGEST = {"sha256": bytes(32)}


def _log(path: Path, *names: bytes) -> WorkLog:
    log = WorkLog(os.fsencode(path))
    for number, name in enumerate(names):
        log.append(Reading(path=name, digests=DIGEST, size_bytes=number), (1, 2, number, 4, 5))
    log.flush()
    return log


def test_what_was_noted_is_read_in_order_of_paths_and_the_last_word_counts(tmp_path: Path) -> None:
    log = _log(tmp_path / "log", b"b", b"a\nb", b"c c ", b"b")
    assert [(entry.path, entry.size_bytes) for entry in log.entries()] == [(b"a\nb", 1), (b"b", 3), (b"c c ", 2)]
    log.close()


def test_a_torn_last_line_is_dropped_and_the_next_run_goes_on_behind_the_good_ones(tmp_path: Path) -> None:
    _log(tmp_path / "log", b"a", b"b", b"c").close()
    whole = (tmp_path / "log").read_bytes()
    for cut in range(len(whole)):
        (tmp_path / "log").write_bytes(whole[:cut])
        log = _log(tmp_path / "log", b"d")
        expected = [b"a", b"b", b"c"][: whole[:cut].count(b"\n")]
        assert [entry.path for entry in log.entries()] == [*expected, b"d"]
        log.close()


@pytest.mark.parametrize("place", [0, 12, 30, 80])
def test_a_line_with_a_flipped_bit_is_not_believed(tmp_path: Path, place: int) -> None:
    _log(tmp_path / "log", b"a", b"b").close()
    content = bytearray((tmp_path / "log").read_bytes())
    content[place] ^= 1
    (tmp_path / "log").write_bytes(content)
    log = WorkLog(os.fsencode(tmp_path / "log"))
    assert list(log.entries()) == []
    log.close()


def test_only_the_wanted_paths_stay(tmp_path: Path) -> None:
    log = _log(tmp_path / "log", b"b", b"a", b"gone")
    log.keep_only([b"a", b"b"])
    log.append(Reading(path=b"z", digests=DIGEST), (1, 2, 3, 4, 5))
    assert [entry.path for entry in log.entries()] == [b"a", b"b", b"z"]
    log.close()


def test_a_rename_is_no_change_but_a_touch_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    found = file.stat()
    entry = Logged(b"file", 1, (1, found.st_mtime_ns, found.st_ctime_ns, found.st_ino), b"")
    assert entry.unchanged(found) and entry.moved_intact(found)
    os.utime(file, ns=(1, 1))
    assert not entry.unchanged(file.stat()) and not entry.moved_intact(file.stat())
