"""Zip files that lie or would do harm: each gets its finding, none is followed, and the other files are judged."""

import struct
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import hexed
from tests.unit.preserve.bag.serialised import IN_FOLDER, found, judged, seen, why, written, zipped

A = b"bag/data/a.txt"


def stored() -> bytes:
    return zipped(method=zipfile.ZIP_STORED)


def central(archive: bytes, name: bytes = A) -> int:
    """Where the directory's entry of that name begins."""
    return archive.rindex(name) - 46


def patched(archive: bytes, at: int, form: str, *values: int) -> bytes:
    changed = bytearray(archive)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def unix(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize(
    "name", ["../evil.txt", "bag/../../evil.txt", "/etc/evil", "C:/evil.txt", "bag/data/..\\..\\evil.txt", "bag//evil"]
)
def test_a_name_that_leads_out_is_told_and_left_out(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, zipped({**IN_FOLDER, name: b"evil"}), "bag.zip")
    assert seen(path) == {(Code.UNSAFE_MEMBER, name.encode())} and judged(path).outcome is Outcome.FAIL


def test_a_backslash_is_a_letter_only_where_the_zip_was_made_on_unix(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("bag/data/a\\b.txt")
    info.create_system = 0
    assert seen(written(tmp_path, zipped(more=((info, b""),)), "bag.zip")) == {
        (Code.UNSAFE_MEMBER, b"bag/data/a\\b.txt")
    }
    info.create_system = 3
    assert (Code.UNTRACKED, b"data/a\\b.txt") in seen(written(tmp_path, zipped(more=((info, b""),)), "bag.zip"))


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644, 0o140755])
@pytest.mark.parametrize("name", ["data/link", "tags/link"])
def test_links_and_devices_are_named_once_and_never_followed(tmp_path: Path, mode: int, name: str) -> None:
    path = written(tmp_path, zipped(more=((unix("bag/" + name, mode), b"/etc/passwd"),)), "bag.zip")
    assert [(f.code, f.path) for f in found(path)] == [(Code.WRONG_KIND, name.encode())]


def test_the_same_name_twice_is_told_and_the_last_is_judged(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, about just this
        archive = zipped(more=((zipfile.ZipInfo("bag/data/a.txt"), b"other"),))
    assert seen(written(tmp_path, archive, "bag.zip")) == {
        (Code.DUPLICATE_MEMBER, b"data/a.txt"),
        (Code.DIGEST_MISMATCH, b"data/a.txt"),
    }


def test_a_member_that_is_longer_than_declared_is_stopped_there(tmp_path: Path) -> None:
    archive = zipped()
    archive = patched(archive, central(archive) + 24, "<L", 4)
    archive = patched(archive, archive.index(A) - 8, "<L", 4)
    path = written(tmp_path, archive, "bag.zip")
    assert seen(path) == {(Code.MEMBER_DAMAGED, b"data/a.txt"), (Code.UNREADABLE, b"data/a.txt")}
    assert "longer than the 4 bytes" in why(path, Code.MEMBER_DAMAGED) and judged(path).outcome is Outcome.FAIL


@pytest.mark.parametrize("size", [6, 1 << 31, 0xFFFFFFFF])
def test_a_member_that_is_shorter_than_declared_is_told(tmp_path: Path, size: int) -> None:
    archive = zipped()
    archive = patched(archive, central(archive) + 24, "<L", size)
    archive = patched(archive, archive.index(A) - 8, "<L", size)
    path = written(tmp_path, archive, "bag.zip")
    assert seen(path) == {(Code.MEMBER_DAMAGED, b"data/a.txt")} and judged(path).outcome is Outcome.FAIL


def test_a_crc_that_is_not_that_of_the_content_is_told(tmp_path: Path) -> None:
    archive = stored()
    damaged = archive.replace(b"alpha", b"alphA")
    path = written(tmp_path, damaged, "bag.zip")
    assert seen(path) == {(Code.MEMBER_DAMAGED, b"data/a.txt"), (Code.DIGEST_MISMATCH, b"data/a.txt")}
    assert "CRC" in why(path, Code.MEMBER_DAMAGED)


def test_a_content_that_does_not_inflate_is_told(tmp_path: Path) -> None:
    archive = zipped()
    at = archive.index(A) + len(A)
    path = written(tmp_path, archive[:at] + b"\xff" * 4 + archive[at + 4 :], "bag.zip")
    assert seen(path) == {(Code.MEMBER_DAMAGED, b"data/a.txt"), (Code.UNREADABLE, b"data/a.txt")}


@pytest.mark.parametrize(
    ("offset", "form", "value", "word"),
    [
        (8, "<H", 12, "method"),
        (14, "<L", 1, "CRC"),
        (18, "<L", 1, "packed size"),
        (22, "<L", 6, "size"),
        (6, "<H", 1, "encr"),
    ],
)
def test_a_header_that_does_not_agree_with_the_directory_is_told(
    tmp_path: Path, offset: int, form: str, value: int, word: str
) -> None:
    archive = stored()
    path = written(tmp_path, patched(archive, archive.index(A) - 30 + offset, form, value), "bag.zip")
    assert seen(path) == {(Code.MEMBER_HEADERS_DISAGREE, b"data/a.txt")}
    assert word in why(path, Code.MEMBER_HEADERS_DISAGREE)


def test_another_name_in_the_members_own_header_is_told(tmp_path: Path) -> None:
    archive = stored()
    at = archive.index(A)
    path = written(tmp_path, archive[:at] + b"bag/data/b.txt" + archive[at + len(A) :], "bag.zip")
    assert seen(path) == {(Code.MEMBER_HEADERS_DISAGREE, b"data/a.txt")}


@pytest.mark.parametrize(("flag", "word"), [(1 << 0, "encrypted"), (1 << 6, "encrypted"), (1 << 5, "patch")])
def test_an_encrypted_or_patched_member_is_not_judged(tmp_path: Path, flag: int, word: str) -> None:
    archive = zipped()
    archive = patched(archive, central(archive) + 8, "<H", flag)
    path = written(tmp_path, patched(archive, archive.index(A) - 24, "<H", flag), "bag.zip")
    assert seen(path) == {(Code.UNREADABLE, b"data/a.txt")} and word in why(path, Code.UNREADABLE)
    assert judged(path).outcome is Outcome.INCONCLUSIVE


def test_a_member_of_a_later_version_of_zip_is_not_judged(tmp_path: Path) -> None:
    archive = zipped()
    path = written(tmp_path, patched(archive, central(archive) + 6, "<H", 70), "bag.zip")
    assert seen(path) == {(Code.UNREADABLE, b"data/a.txt")} and "version 7.0" in why(path, Code.UNREADABLE)


@pytest.mark.parametrize("method", [1, 9, 93, 99])
def test_an_unknown_method_is_not_judged(tmp_path: Path, method: int) -> None:
    archive = zipped()
    archive = patched(archive, central(archive) + 10, "<H", method)
    path = written(tmp_path, patched(archive, archive.index(A) - 22, "<H", method), "bag.zip")
    assert f"compression method {method}" in why(path, Code.UNREADABLE)
    assert judged(path).outcome is Outcome.INCONCLUSIVE


def test_a_zip_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    archive = zipped()
    for cut in (10, 30, len(archive) // 2, len(archive) - 30):
        path = written(tmp_path, archive[:-cut], "bag.zip")
        assert seen(path) == {(Code.ARCHIVE_DAMAGED, None)} and judged(path).outcome is Outcome.FAIL


def test_garbage_behind_the_end_or_before_the_directory_is_damage(tmp_path: Path) -> None:
    archive = zipped()
    directory = archive.index(b"PK\1\2")
    for changed in (archive + b"garbage", archive[:directory] + b"garbage" + archive[directory:]):
        assert seen(written(tmp_path, changed, "bag.zip")) == {(Code.ARCHIVE_DAMAGED, None)}


def test_a_comment_is_no_garbage_even_if_it_looks_like_an_end(tmp_path: Path) -> None:
    out = BytesIO(zipped())
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"PK\5\6 and more of the same"
    assert judged(written(tmp_path, out.getvalue(), "bag.zip")).verdict == "valid"


def test_members_that_lie_over_one_another_are_damage(tmp_path: Path) -> None:
    """Many names for the same packed bytes are how a small file pretends to hold a large one."""
    big = b"x" * 5000
    archive = zipped({**IN_FOLDER, "bag/data/big.bin": big, "bag/data/bis.bin": big}, method=zipfile.ZIP_STORED)
    first = struct.unpack_from("<L", archive, central(archive, b"bag/data/big.bin") + 42)[0]
    archive = patched(archive, central(archive, b"bag/data/bis.bin") + 42, "<L", first)
    said = seen(written(tmp_path, archive, "bag.zip"))
    assert (Code.MEMBER_HEADERS_DISAGREE, b"data/bis.bin") in said


def test_more_content_than_the_file_holds_is_told(tmp_path: Path) -> None:
    archive = stored()
    archive = patched(archive, central(archive) + 20, "<L", 1 << 30)
    path = written(tmp_path, patched(archive, archive.index(A) - 12, "<L", 1 << 30), "bag.zip")
    assert {(Code.MEMBER_DAMAGED, b"data/a.txt"), (Code.ARCHIVE_DAMAGED, None)} <= seen(path)
    assert judged(path).outcome is Outcome.FAIL


@pytest.mark.parametrize("field", [4, 6, 8, 10, 12, 16])
def test_an_end_that_does_not_fit_the_directory_is_damage(tmp_path: Path, field: int) -> None:
    archive = zipped()
    end = len(archive) - 22
    assert (Code.ARCHIVE_DAMAGED, None) in seen(written(tmp_path, patched(archive, end + field, "<H", 7), "bag.zip"))


def test_a_zip64_directory_is_read_and_one_that_is_not_there_is_damage(tmp_path: Path) -> None:
    plain = zipped()
    end = len(plain) - 22
    _, _, _, _, count, size, place, _ = struct.unpack("<4s4H2LH", plain[end:])
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, place)
    full = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    for at, verdict in ((end, "valid"), (end + 1, "invalid"), (1 << 63, "invalid")):
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
        path = written(tmp_path, plain[:end] + wide + locator + full, "bag.zip")
        assert judged(path).verdict == verdict


def test_names_of_code_page_437_are_taken_as_such_and_told(tmp_path: Path) -> None:
    content = b"accent"
    files = {**IN_FOLDER, "bag/data/cafX.txt": content}
    files["bag/manifest-sha256.txt"] += hexed(content) + b"  data/caf" + "é".encode() + b".txt\n"
    archive = zipped(files).replace(b"bag/data/cafX.txt", b"bag/data/caf\x82.txt")
    path = written(tmp_path, archive, "bag.zip")
    assert seen(path) == {(Code.MEMBER_NAME_ENCODING, "data/café.txt".encode())}
    assert judged(path).outcome is Outcome.PASS


def test_utf8_names_that_are_not_declared_as_such_are_taken_as_utf8_and_told(tmp_path: Path) -> None:
    archive = zipped({**IN_FOLDER, "bag/data/cafXX.txt": b""}).replace(b"cafXX", "café".encode())
    said = seen(written(tmp_path, archive, "bag.zip"))
    assert {path for _, path in said} == {"data/café.txt".encode()}
    assert {code for code, _ in said} == {Code.MEMBER_NAME_ENCODING, Code.UNTRACKED}
