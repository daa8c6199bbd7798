"""Tars that lie or would do harm: each gets its finding, none is followed, and the other files are judged."""

import gzip
import tarfile
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.archives import limits as archive_limits
from preserve.bag.codes import Code
from tests.unit.preserve.bag.serialised import (
    BLOCK,
    IN_FOLDER,
    found,
    header,
    judged,
    member,
    padded,
    seen,
    tar,
    why,
    written,
)

UNSAFE = [
    "../evil.txt",
    "bag/../../evil.txt",
    "bag/data/../../../evil.txt",
    "/etc/evil",
    "C:/evil.txt",
    "~/evil.txt",
    "\\\\server\\evil.txt",
    "bag/data/..\\..\\evil.txt",
    "bag//data/evil.txt",
    "bag/data/./evil.txt",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_a_name_that_leads_out_is_told_and_left_out(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, tar({**IN_FOLDER, name: b"evil"}))
    assert seen(path) == {(Code.UNSAFE_MEMBER, name.encode())} and judged(path).outcome is Outcome.FAIL


def test_a_name_with_a_nul_in_a_pax_header_is_told(tmp_path: Path) -> None:
    record = b"22 path=bag/data/a\0.txt\n"
    record = b"%d%b" % (len(record), record[2:])
    raw = header("x", record, kind=b"x") + padded(record) + header("bag/data/b.txt")
    assert seen(written(tmp_path, tar(raw=raw))) == {(Code.UNSAFE_MEMBER, b"bag/data/a\0.txt")}


def test_a_name_that_is_too_long_for_any_folder_is_told(tmp_path: Path) -> None:
    name = "bag/data/" + "x/" * archive_limits.MOST_PATH_BYTES
    assert {code for code, _ in seen(written(tmp_path, tar({**IN_FOLDER, name + "x": b""})))} == {Code.UNSAFE_MEMBER}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("name", ["data/link", "tags/link", "link"])
def test_links_and_devices_are_named_once_and_never_followed(tmp_path: Path, kind: bytes, name: str) -> None:
    info = member("bag/" + name, kind=kind, link="/etc/passwd")
    path = written(tmp_path, tar(more=(info,)))
    assert [(f.code, f.path) for f in found(path)] == [(Code.WRONG_KIND, name.encode())]
    assert judged(path).outcome is Outcome.FAIL


@pytest.mark.parametrize("name", ["data/a.txt", "manifest-sha256.txt"])
def test_a_file_that_is_a_link_is_named_once(tmp_path: Path, name: str) -> None:
    files = {path: content for path, content in IN_FOLDER.items() if path != "bag/" + name}
    path = written(tmp_path, tar(files, more=(member("bag/" + name, kind=tarfile.SYMTYPE, link="x"),)))
    assert [f.code for f in found(path) if f.path == name.encode()] == [Code.WRONG_KIND]


def test_the_data_folder_as_a_link_is_not_followed(tmp_path: Path) -> None:
    files = {path: content for path, content in IN_FOLDER.items() if "data" not in path}
    said = seen(written(tmp_path, tar(files, more=(member("bag/data", kind=tarfile.SYMTYPE, link="/etc"),))))
    assert {(Code.WRONG_KIND, b"data"), (Code.MISSING, b"data/a.txt")} <= said


def test_a_hard_link_is_not_followed_and_not_judged(tmp_path: Path) -> None:
    files = {path: content for path, content in IN_FOLDER.items() if "a.txt" not in path}
    path = written(tmp_path, tar(files, more=(member("bag/data/a.txt", kind=tarfile.LNKTYPE, link="/etc/passwd"),)))
    assert seen(path) == {(Code.HARD_LINK_MEMBER, b"data/a.txt"), (Code.UNREADABLE, b"data/a.txt")}
    assert judged(path).outcome is Outcome.INCONCLUSIVE


def test_the_same_name_twice_is_told_and_the_last_is_judged(tmp_path: Path) -> None:
    raw = header("bag/data/a.txt", b"other") + padded(b"other")
    assert seen(written(tmp_path, tar(raw=raw))) == {
        (Code.DUPLICATE_MEMBER, b"data/a.txt"),
        (Code.DIGEST_MISMATCH, b"data/a.txt"),
    }


def test_a_name_that_is_a_file_and_a_folder_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, tar({**IN_FOLDER, "bag/data/a.txt/deeper": b""}))
    assert {(Code.DUPLICATE_MEMBER, b"data/a.txt"), (Code.UNTRACKED, b"data/a.txt/deeper")} <= seen(path)


@pytest.mark.parametrize("cut", [100, 700, 1700])
def test_a_tar_that_is_cut_off_is_damaged(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, tar()[:cut])
    assert judged(path).outcome is Outcome.FAIL and "cut off" in why(path, Code.ARCHIVE_DAMAGED)


def test_a_file_that_is_cut_off_cannot_be_read_and_those_before_it_are_good(tmp_path: Path) -> None:
    last = "bag/data/a.txt"
    files = {name: IN_FOLDER[name] for name in (*(name for name in IN_FOLDER if name != last), last)}
    path = written(tmp_path, tar(files)[: 7 * BLOCK + 2])
    assert seen(path) == {(Code.ARCHIVE_DAMAGED, None), (Code.UNREADABLE, b"data/a.txt")}


def test_of_a_tar_without_an_end_mark_nobody_knows_whether_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, tar()[: 2 * len(IN_FOLDER) * BLOCK])
    assert seen(path) == {(Code.ARCHIVE_END_MISSING, None)} and judged(path).outcome is Outcome.INCONCLUSIVE


def test_what_stands_behind_the_end_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, tar() + bytes(BLOCK) + header("bag/data/hidden.txt"))
    assert seen(path) == {(Code.ARCHIVE_DAMAGED, None)} and "behind its end" in why(path, Code.ARCHIVE_DAMAGED)


def test_zeros_behind_the_end_are_padding(tmp_path: Path) -> None:
    assert judged(written(tmp_path, tar() + bytes(20 * BLOCK))).verdict == "valid"


@pytest.mark.parametrize("size", [6, 1 << 33, (1 << 63) - 1, (1 << 88) - 1])
def test_a_size_that_is_not_there_is_damage(tmp_path: Path, size: int) -> None:
    files = {path: content for path, content in IN_FOLDER.items() if "a.txt" not in path}
    made = tar(files, raw=header("bag/data/a.txt", size=size) + padded(b"alpha"))
    said = seen(written(tmp_path, made if size > 6 else made.replace(b"alpha\0", b"alpha!")))
    assert (Code.ARCHIVE_DAMAGED if size > 6 else Code.DIGEST_MISMATCH) in {code for code, _ in said}


def test_a_file_declared_smaller_than_it_is_puts_the_archive_out_of_step(tmp_path: Path) -> None:
    content = b"alpha" + b"x" * 1000
    made = tar(raw=header("bag/data/c.txt", size=5) + padded(content))
    path = written(tmp_path, made)
    assert (Code.ARCHIVE_DAMAGED, None) in seen(path) and "no header" in why(path, Code.ARCHIVE_DAMAGED)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_a_description_that_states_gigabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    path = written(tmp_path, tar(raw=header("x", kind=kind, size=8 << 30)))
    assert seen(path) == {(Code.ARCHIVE_LIMIT, None)} and judged(path).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "record",
    [
        b"nonsense\n",
        b"9999999 path=a\n",
        b"5 a=b\n",
        b"6 a=b\0",
        b"0 \n",
        b"-5 a=b\n",
        b"12 size=1e3\n",
        b"13 size=-100\n",
    ],
)
def test_a_pax_header_that_is_none_is_damage(tmp_path: Path, record: bytes) -> None:
    path = written(tmp_path, tar(raw=header("x", record, kind=b"x") + padded(record) + header("bag/data/b.txt")))
    assert "pax header" in why(path, Code.ARCHIVE_DAMAGED)


def test_a_global_header_that_renames_every_member_is_damage(tmp_path: Path) -> None:
    record = b"18 path=bag/a.txt\n"
    path = written(tmp_path, tar(raw=header("x", record, kind=b"g") + padded(record) + header("bag/data/b.txt")))
    assert "global header" in why(path, Code.ARCHIVE_DAMAGED)


def test_two_long_names_for_one_member_are_damage(tmp_path: Path) -> None:
    names = [b"bag/data/one\0", b"bag/data/two\0"]
    raw = b"".join(header("x", name, kind=b"L") + padded(name) for name in names) + header("bag/data/b.txt")
    assert "two names" in why(written(tmp_path, tar(raw=raw)), Code.ARCHIVE_DAMAGED)


def test_a_sparse_member_of_any_size_is_not_expanded(tmp_path: Path) -> None:
    files = {path: content for path, content in IN_FOLDER.items() if "a.txt" not in path}
    records = b"".join(
        b"%d %b\n" % (len(record) + 4, record)
        for record in (b"GNU.sparse.major=1", b"GNU.sparse.realsize=99999999999999", b"GNU.sparse.name=bag/data/a.txt")
    )
    raw = header("x", records, kind=b"x") + padded(records) + header("bag/GNUSparseFile.0/a.txt")
    path = written(tmp_path, tar(files, raw=raw))
    assert seen(path) == {(Code.UNREADABLE, b"data/a.txt")} and judged(path).outcome is Outcome.INCONCLUSIVE


def test_an_old_gnu_sparse_member_is_not_expanded(tmp_path: Path) -> None:
    files = {path: content for path, content in IN_FOLDER.items() if "a.txt" not in path}
    path = written(tmp_path, tar(files, raw=header("bag/data/a.txt", b"alpha", kind=b"S") + padded(b"alpha")))
    assert seen(path) == {(Code.UNREADABLE, b"data/a.txt")}


def test_a_gzip_that_is_cut_off_or_damaged_is_told_and_what_came_out_is_judged(tmp_path: Path) -> None:
    whole = gzip.compress(tar(), 0)  # stored: each byte stands where it stood
    cut = written(tmp_path, whole[:-200], "bag.tar.gz")
    assert "cut off" in why(cut, Code.ARCHIVE_DAMAGED) and judged(cut).payload.good == 2
    flipped = written(tmp_path, whole[:-8] + b"\0\0\0\0" + whole[-4:], "bag.tgz")
    assert "decompressed" in why(flipped, Code.ARCHIVE_DAMAGED) and judged(flipped).outcome is Outcome.FAIL


@pytest.mark.parametrize(("name", "mode"), [("bag.tar.gz", "w:gz"), ("bag.tar.bz2", "w:bz2"), ("bag.tar.xz", "w:xz")])
def test_garbage_behind_a_compressed_tar_is_told(tmp_path: Path, name: str, mode: str) -> None:
    path = written(tmp_path, tar(mode=mode) + b"garbage behind it", name)
    assert seen(path) == {(Code.ARCHIVE_DAMAGED, None)}


def test_names_that_are_not_utf8_are_kept_as_they_are(tmp_path: Path) -> None:
    raw = header("bag/data/caf#.txt").replace(b"#", b"\xe9")
    block = bytearray(raw)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert seen(written(tmp_path, tar(raw=bytes(block)))) == {(Code.UNTRACKED, b"data/caf\xe9.txt")}
