"""The journal's heads on a replica: only ever added, whatever a kill left, and never through a link."""

import errno
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from preserve.errors import UndeterminedError
from preserve.stores import heads
from preserve.stores.heads import Heads

CATALOG = UUID(int=7)
AT = datetime(2026, 11, 1, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    (tmp_path / ".preserve").mkdir()
    return tmp_path


def of(replica: Path) -> Heads:
    return Heads(os.fsencode(replica), CATALOG)


def file(replica: Path) -> Path:
    return replica / f".preserve/heads/{CATALOG}.txt"


def kept(replica: Path) -> list[tuple[int, bytes]]:
    found, faults = of(replica).read()
    assert faults == []
    return [(head.number, head.hash) for head in found]


def digest(number: int) -> bytes:
    return bytes([number]) * 32


def test_what_was_added_is_read(replica: Path) -> None:
    assert of(replica).read() == ([], [])
    for number in (1, 20, 20, 300):
        of(replica).append(number, digest(number % 256), AT)
    assert kept(replica) == [(number, digest(number % 256)) for number in (1, 20, 20, 300)]
    assert of(replica).read()[0][0].at == AT
    assert [head.line for head in of(replica).read()[0]] == [2, 3, 4, 5]


def test_a_person_can_read_it_whatever_the_umask_is(replica: Path) -> None:
    before = os.umask(0o077)
    try:
        of(replica).append(12, digest(1), AT)
    finally:
        os.umask(before)
    assert file(replica).stat().st_mode & 0o777 == 0o644
    first, line = file(replica).read_text("ascii").splitlines()
    assert first.startswith("# ") and str(CATALOG) in first
    assert line == f"000000000012 {'01' * 32} 2026-11-01T03:04:05Z"


def test_a_write_that_is_cut_anywhere_costs_at_most_that_line(replica: Path) -> None:
    """SIGKILL or a power cut leaves some beginning of what was written; every one of them is tried."""
    of(replica).append(1, digest(1), AT)
    whole = file(replica).read_bytes()
    of(replica).append(2, digest(2), AT)
    added = file(replica).read_bytes()[len(whole) :]
    for length in range(len(added) + 1):
        file(replica).write_bytes(whole + added[:length])
        there = [(1, digest(1))] + ([(2, digest(2))] if length >= len(added) - 1 else [])
        assert kept(replica) == there, length
        of(replica).append(3, digest(3), AT)
        assert kept(replica) == [*there, (3, digest(3))], length
        assert file(replica).read_bytes().startswith(whole + added[:length])  # what was there stays


def test_the_very_first_write_may_be_cut_anywhere_too(replica: Path) -> None:
    of(replica).append(1, digest(1), AT)
    whole = file(replica).read_bytes()
    for length in range(len(whole)):
        file(replica).write_bytes(whole[:length])
        there = [(1, digest(1))] if length >= len(whole) - 1 else []
        assert kept(replica) == there, length
        of(replica).append(2, digest(2), AT)
        assert kept(replica) == [*there, (2, digest(2))], length


def test_torn_twice_is_torn_no_more(replica: Path) -> None:
    of(replica).append(1, digest(1), AT)
    for number in (2, 3):
        with file(replica).open("ab") as stream:
            stream.write(b"000000000009 ab")
        of(replica).append(number, digest(number), AT)
    with file(replica).open("ab") as stream:
        stream.write(b"000000000009 ab~\n~\n" + bytes(50))  # a cut close, and zeros as power cuts leave them
    assert kept(replica) == [(1, digest(1)), (2, digest(2)), (3, digest(3))]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"000000000009 ab",
        b"# a comment",
        b"-00000000009 " + b"ab" * 32 + b" 2026-11-01T00:00:00Z",
        b"000000000009 " + b"AB" * 32 + b" 2026-11-01T00:00:00Z",
        b"000000000009 " + b"ab" * 32 + b" 2026-13-01T00:00:00Z",
        b"000000000009 " + b"ab" * 32 + b" 2026-11-01T00:00:00Z and more",
        b"nonsense~",
        b"x" * 10_000,
        bytes(3),
    ],
)
def test_any_other_line_is_told_and_the_rest_is_read(replica: Path, line: bytes) -> None:
    for number in (1, 2):
        of(replica).append(number, digest(number), AT)
    first, one, two = file(replica).read_bytes().splitlines(keepends=True)
    file(replica).write_bytes(first + one + line + b"\n" + two)
    found, faults = of(replica).read()
    assert [head.number for head in found] == [1, 2]
    assert faults == ["line 3 is not one that `preserve` wrote"]


def test_a_last_line_without_an_end_that_no_cut_makes_is_told(replica: Path) -> None:
    of(replica).append(1, digest(1), AT)
    with file(replica).open("ab") as stream:
        stream.write(b"something else")
    assert of(replica).read()[1] == ["line 3 is not one that `preserve` wrote"]


def test_a_file_without_end_is_not_held_in_memory(replica: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_MOST_LINES", 50)
    of(replica).append(1, digest(1), AT)
    with file(replica).open("ab") as stream:
        stream.write(file(replica).read_bytes().splitlines(keepends=True)[1] * 500)
    found, faults = of(replica).read()
    assert len(found) == 49 and faults == ["what follows on line 50 was not read"]
    file(replica).write_bytes(b"x\n" * 500)
    assert len(of(replica).read()[1]) == 51
    monkeypatch.undo()
    file(replica).write_bytes(b"x\n" * 500)
    assert len(of(replica).read()[1]) == 101


def test_a_sparse_file_of_any_size_is_told_at_once_and_never_added_to(
    replica: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 GB of nothing, which take no room: whoever reads to the end of the line reads for hours."""
    asked = list[int]()

    class Counted(io.BufferedReader):
        def readline(self, size: int | None = -1, /) -> bytes:
            asked.append(size or 0)
            assert len(asked) < 10_000
            return super().readline(size)

    of(replica).append(1, digest(1), AT)
    os.truncate(file(replica), 200 << 30)
    monkeypatch.setattr(os, "fdopen", lambda fd, mode: Counted(io.FileIO(fd)))
    found, faults = of(replica).read()
    assert [head.number for head in found] == [1]
    assert "far too large (214,748,364,800 bytes)" in faults[0]
    with pytest.raises(UndeterminedError, match="far too large"):
        of(replica).append(2, digest(2), AT)
    assert file(replica).stat().st_size == 200 << 30


@pytest.mark.parametrize("where", [".preserve", ".preserve/heads", f".preserve/heads/{CATALOG}.txt"])
def test_no_link_is_followed(tmp_path: Path, where: str) -> None:
    replica, elsewhere = tmp_path / "replica", tmp_path / "elsewhere"
    (replica / where).parent.mkdir(parents=True)
    if where.endswith(".txt"):
        elsewhere.write_bytes(b"somebody's")
    else:
        elsewhere.mkdir()
    (replica / where).symlink_to(elsewhere)
    with pytest.raises(UndeterminedError, match="cannot be written"):
        of(replica).append(1, digest(1), AT)
    assert elsewhere.read_bytes() == b"somebody's" if elsewhere.is_file() else not list(elsewhere.iterdir())
    assert of(replica).read()[0] == [] and "could not be read" in of(replica).read()[1][0]


def test_a_file_that_has_another_name_too_is_not_written_to(replica: Path) -> None:
    other = replica / "precious"
    other.write_bytes(b"somebody's")
    file(replica).parent.mkdir()
    file(replica).hardlink_to(other)
    with pytest.raises(UndeterminedError, match="not a file of its own"):
        of(replica).append(1, digest(1), AT)
    assert other.read_bytes() == b"somebody's"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_and_told(replica: Path, kind: str) -> None:
    file(replica).parent.mkdir()
    if kind == "folder":
        file(replica).mkdir()
    else:
        os.mkfifo(file(replica))
    with pytest.raises(UndeterminedError):
        of(replica).append(1, digest(1), AT)
    assert of(replica).read() == ([], ["it could not be read (ENXIO)"])


def test_nothing_is_made_where_no_replica_is(tmp_path: Path) -> None:
    with pytest.raises(UndeterminedError):
        of(tmp_path).append(1, digest(1), AT)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_the_next_head_goes_on(replica: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of(replica).append(1, digest(1), AT)
    written = os.write

    def full(fd: int, content: memoryview) -> int:
        if len(content) < 60:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(fd, content[:50])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UndeterminedError, match="the disk is full"):
        of(replica).append(2, digest(2), AT)
    monkeypatch.undo()
    of(replica).append(3, digest(3), AT)
    assert kept(replica) == [(1, digest(1)), (3, digest(3))]


@pytest.mark.parametrize(("number", "hash_"), [(-1, bytes(32)), (10**12, bytes(32)), (1, bytes(31))])
def test_what_is_no_head_is_never_written(replica: Path, number: int, hash_: bytes) -> None:
    with pytest.raises(ValueError, match="not a head"):
        of(replica).append(number, hash_, AT)
    assert not file(replica).exists()


def test_catalogs_do_not_share_a_file(replica: Path) -> None:
    of(replica).append(1, digest(1), AT)
    assert Heads(os.fsencode(replica), UUID(int=8)).read() == ([], [])
