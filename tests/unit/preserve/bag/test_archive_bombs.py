"""Archives that are made to fill a disk, a memory or a day are stopped early, in a process that has little of each."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from preserve.bag.archives import limits as archive_limits
from preserve.bag.archives.limits import BeyondLimitError, ExpandsTooFarError, Expansion
from preserve.bag.archives.members import Member, Members, What
from preserve.bag.codes import Code
from tests.unit.preserve.bag.serialised import IN_FOLDER, found, header, judged, tar, written, zipped

MEMORY_BYTES = 400 << 20  # of addresses, in which Python, its libraries and 1 MiB of buffers have to fit
DISK_BYTES = 600 << 20  # that any one file may grow to

_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({disk}, {disk}))
from preserve.cli.entry import run
sys.argv = ["preserve", "validate", "--json", {path!r}]
sys.exit(run())
"""


def in_a_small_process(path: Path) -> tuple[int, list[str]]:
    """The exit status and the codes of `preserve validate` where memory and disk are short."""
    script = _CHILD.format(memory=MEMORY_BYTES, disk=DISK_BYTES, path=str(path))
    environment = {**os.environ, "TMPDIR": str(path.parent), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return done.returncode, [line["code"] for line in json.loads(done.stdout)["findings"]]


def packed_zeros(size_bytes: int) -> bytes:
    """Deflated zeros, without a last block. A piece is packed once and said again and again: that takes no time."""
    packer = zlib.compressobj(9, wbits=-15)
    piece = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (size_bytes >> 24)


def gzip_bomb(size_bytes: int) -> bytes:
    """A tar in which one file of zeros says that it is so large, and is; then the stream is cut off."""
    packer = zlib.compressobj(9, wbits=31)
    begin = packer.compress(tar()[: -2 * 512] + header("bag/data/zeros", size=size_bytes))
    return begin + packer.flush(zlib.Z_FULL_FLUSH) + packed_zeros(size_bytes)


def zip_bomb(size_bytes: int, declared: int) -> bytes:
    """A zip in which one file of zeros says that it is so large."""
    name, packed = b"bag/data/zeros", packed_zeros(size_bytes) + b"\3\0"
    archive = zipped({**IN_FOLDER, "bag/manifest-sha256.txt": b"0" * 64 + b"  data/zeros\n"})
    end = len(archive) - 22
    count, _, directory = struct.unpack_from("<H2L", archive, end + 10)
    said = struct.pack("<5H3L2H", 20, 0, 8, 0, 0, 0, len(packed), declared, len(name), 0)
    content = archive[:directory] + b"PK\3\4" + said + name + packed
    entries = archive[directory:end] + b"PK\1\2\x14\3" + said + struct.pack("<3H2L", 0, 0, 0, 0, directory) + name
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count + 1, count + 1, len(entries), len(content), 0)
    return content + entries + tail


def test_2_gigabytes_of_zeros_in_a_tar_of_2_megabytes_are_not_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path, gzip_bomb(2 << 30), "bag.tar.gz")
    assert path.stat().st_size < 3 << 20
    status, codes = in_a_small_process(path)
    assert status == 3 and codes == ["archive-expands-too-far"]


def test_2_gigabytes_of_zeros_in_a_zip_are_not_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path, zip_bomb(2 << 30, declared=2 << 30), "bag.zip")
    assert path.stat().st_size < 3 << 20
    status, codes = in_a_small_process(path)
    assert {"unreadable", "archive-expands-too-far"} <= set(codes)
    assert status == 1  # two files are in no manifest; of the third nothing is said


def test_a_member_that_says_it_is_small_is_read_no_further_than_that(tmp_path: Path) -> None:
    status, codes = in_a_small_process(written(tmp_path, zip_bomb(2 << 30, declared=100), "bag.zip"))
    assert {"unreadable", "member-damaged"} <= set(codes) and "archive-expands-too-far" not in codes
    assert status == 1


def test_a_small_archive_may_unpack_to_a_good_deal(tmp_path: Path) -> None:
    """96 MiB of zeros in 100 KB are 1,000 times as much, and no harm."""
    result = judged(written(tmp_path, gzip_bomb(96 << 20), "bag.tar.gz"))
    assert result.payload.good == 2 and Code.UNTRACKED in result.findings.codes
    assert Code.ARCHIVE_EXPANDS not in result.findings.codes


def test_what_counts_is_what_came_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_limits, "FREE_EXPANSION_BYTES", 1000)
    expansion = Expansion(10)
    expansion.add(2000)
    with pytest.raises(ExpandsTooFarError):
        expansion.add(1)
    assert expansion.exceeded is not None and expansion.exceeded.limit_bytes == 2000


@pytest.mark.parametrize(
    ("limit", "most", "paths"),
    [
        ("MOST_MEMBERS", 3, [b"a", b"b", b"c", b"d"]),
        ("MOST_INDEX_BYTES", 200, [b"a" * 50, b"b" * 50, b"c" * 50]),
        ("MOST_FOLDERS", 5, [b"a/b/c/d", b"b/c/d/e/f"]),
    ],
)
def test_an_index_that_grows_too_large_is_stopped(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int, paths: list[bytes]
) -> None:
    monkeypatch.setattr(archive_limits, limit, most)
    members = Members()
    with pytest.raises(BeyondLimitError):
        for path in paths:
            members.add(path, Member(What.FILE, 0, 0))


@pytest.mark.parametrize("name", ["bag.tar", "bag.zip"])
def test_too_many_members_end_without_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(archive_limits, "MOST_MEMBERS", 3)
    path = written(tmp_path, tar() if name == "bag.tar" else zipped(), name)
    assert [finding.code for finding in found(path)] == [Code.ARCHIVE_LIMIT]
    assert judged(path).verdict == "not judged"


def test_faults_are_told_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_limits, "MOST_FAULTS", 5)
    path = written(tmp_path, tar({f"../{number}": b"" for number in range(20)}))
    codes = judged(path).findings.codes
    assert codes == {Code.UNSAFE_MEMBER: 5, Code.ARCHIVE_LIMIT: 1}


def test_a_full_temporary_folder_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from preserve.bag.archives import spooling
    from preserve.errors import UndeterminedError

    monkeypatch.setattr(spooling, "_LEFT_FREE_BYTES", 1 << 60)
    with pytest.raises(UndeterminedError, match="temporary folder") as caught:
        judged(written(tmp_path, tar(mode="w:gz"), "bag.tar.gz"))
    assert "TMPDIR" in caught.value.remedy


def test_a_member_costs_little_memory() -> None:
    members = Members()
    before = len(members)
    for number in range(1000):
        members.add(b"bag/data/%040d" % number, Member(What.FILE, number, number))
    per_member = sum(map(sys.getsizeof, members._records)) / (len(members) - before) + 8
    assert per_member < 150
