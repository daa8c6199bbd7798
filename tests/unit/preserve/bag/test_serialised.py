"""A serialised bag is validated as the folder would be, whatever the archive is made of."""

import os
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.evidence import Evidence, Outcome
from checks.ports import Kind, NotFoundError, WrongKindError
from preserve.bag.archives import archive as archives
from preserve.bag.codes import Code
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import validate
from tests.unit.preserve.bag.bags import hexed
from tests.unit.preserve.bag.serialised import BAG, IN_FOLDER, found, judged, member, seen, tar, why, written, zipped

LONG = "data/" + "/".join(["a-folder-with-a-long-name"] * 12) + "/file.txt"
KHMER = "data/ឯកសារ.txt"

KINDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bag.tar": (lambda: tar(), "tar"),
    "bag.tar.gz": (lambda: tar(mode="w:gz"), "tar, gzip"),
    "bag.tgz": (lambda: tar(mode="w:gz"), "tar, gzip"),
    "bag.tar.bz2": (lambda: tar(mode="w:bz2"), "tar, bzip2"),
    "bag.tar.xz": (lambda: tar(mode="w:xz"), "tar, xz"),
    "bag.zip": (lambda: zipped(), "zip"),
    "BAG.ZIP": (lambda: zipped({name.replace("bag/", "BAG/", 1): c for name, c in IN_FOLDER.items()}), "zip"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_good_bag_passes_and_its_serialisation_is_told(tmp_path: Path, name: str) -> None:
    make, serialisation = KINDS[name]
    path = written(tmp_path, make(), name)
    result = judged(path)
    assert (result.outcome, result.verdict, result.serialisation) == (Outcome.PASS, "valid", serialisation)
    assert not found(path) and result.payload.good == 2 and result.version == "1.0"


@pytest.mark.parametrize("name", ["bag.tar", "bag.tar.xz", "bag.zip"])
def test_changed_missing_and_untracked_files_are_named_with_paths_in_the_bag(tmp_path: Path, name: str) -> None:
    files = {**IN_FOLDER, "bag/data/a.txt": b"ALPHA", "bag/data/more.txt": b""}
    del files["bag/data/sub/b.txt"]
    archive = zipped(files) if name.endswith("zip") else tar(files, mode="w:xz" if name.endswith("xz") else "w:")
    assert seen(written(tmp_path, archive, name)) == {
        (Code.DIGEST_MISMATCH, b"data/a.txt"),
        (Code.MISSING, b"data/sub/b.txt"),
        (Code.UNTRACKED, b"data/more.txt"),
    }


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_khmer_names_are_found_in_gnu_and_pax_tars(tmp_path: Path, form: int) -> None:
    files = {**IN_FOLDER, "bag/" + LONG: b"long", "bag/" + KHMER: b"khmer"}
    lines = b"".join(hexed(files["bag/" + n]) + b"  " + n.encode() + b"\n" for n in (LONG, KHMER))
    files["bag/manifest-sha256.txt"] += lines
    assert judged(written(tmp_path, tar(files, form=form))).verdict == "valid"


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
def test_every_usual_method_of_zip_is_read(tmp_path: Path, method: int) -> None:
    large = os.urandom(300_000) + bytes(3_000_000)
    files = {**IN_FOLDER, "bag/data/large.bin": large}
    files["bag/manifest-sha256.txt"] += hexed(large) + b"  data/large.bin\n"
    result = judged(written(tmp_path, zipped(files, method=method), "bag.zip"))
    assert result.verdict == "valid" and result.payload.bytes_read == len(large) + 9


def test_a_zip_that_was_written_to_a_pipe_is_read(tmp_path: Path) -> None:
    """Sizes stand behind each content, and zip64 fields where none would be needed."""
    path = tmp_path / "bag.zip"
    read_end, write_end = os.pipe()

    def write() -> None:
        with os.fdopen(write_end, "wb") as pipe, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in IN_FOLDER.items():
                with archive.open(name, "w", force_zip64=True) as out:
                    out.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(read_end, "rb") as pipe:
        path.write_bytes(pipe.read())
    writer.join()
    assert judged(path).verdict == "valid"


def test_a_tar_of_several_compressed_streams_is_read_to_its_end(tmp_path: Path) -> None:
    import gzip

    plain = tar()
    packed = gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + bytes(1000)
    assert judged(written(tmp_path, packed, "bag.tar.gz")).verdict == "valid"


def test_leading_dots_and_stored_folders_change_nothing(tmp_path: Path) -> None:
    files = {"./" + name: content for name, content in IN_FOLDER.items()}
    folders = tuple(member(name, kind=tarfile.DIRTYPE) for name in ("./", "./bag/", "./bag/data/", "./bag/data/"))
    assert judged(written(tmp_path, tar(files, more=folders))).verdict == "valid"


def test_a_link_on_the_command_line_is_followed_to_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "bag.zip").symlink_to(written(tmp_path, zipped(), "other.zip"))
    assert judged(tmp_path / "bag.zip").verdict == "valid"


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bag.tar")
    assert seen(tmp_path / "bag.tar") == {(Code.NOT_A_BAG, None)}


@pytest.mark.parametrize("content", [b"", b"a letter\n" * 100, b"PK", b"\x28\xb5\x2f\xfd and so on"])
def test_what_is_no_archive_is_no_bag(tmp_path: Path, content: bytes) -> None:
    result = judged(written(tmp_path, content, "letter.txt"))
    assert (result.verdict, result.serialisation) == ("not a bag", "")


def test_a_compressed_file_that_is_no_tar_is_no_bag(tmp_path: Path) -> None:
    import gzip

    path = written(tmp_path, gzip.compress(b"a letter\n" * 100), "letter.gz")
    assert judged(path).verdict == "not a bag" and "not a tar" in why(path, Code.NOT_A_BAG)


def test_the_size_alone_can_be_asked_of_an_archive(tmp_path: Path) -> None:
    files = {**IN_FOLDER, "bag/bag-info.txt": b"Payload-Oxum: 9.2\n"}
    result = validate(os.fsencode(written(tmp_path, tar(files))), depth=Depth.FAST)
    assert result.outcome is Outcome.PASS and result.payload.bytes_read == 0


@pytest.mark.parametrize("name", ["bag.tar", "bag.tar.gz", "bag.zip"])
def test_the_tree_answers_as_a_folder_does(tmp_path: Path, name: str) -> None:
    archive = zipped() if name.endswith("zip") else tar(mode="w:gz" if name.endswith("gz") else "w:")
    with archives.opened(os.fsencode(written(tmp_path, archive, name))) as opened:
        tree = opened.tree
        assert tree is not None
        assert tree.root == os.fsencode(tmp_path / name / "bag")
        assert [n for n, _, _ in tree.names_in(b"")] == [b"bagit.txt", b"data/", b"manifest-sha256.txt"]
        assert tree.names_in(b"data") == [(b"a.txt", Kind.FILE, None), (b"sub/", Kind.DIRECTORY, None)]
        assert tree.stat(b"data").kind is Kind.DIRECTORY and tree.stat(b"data/a.txt").size_bytes == 5
        with pytest.raises(NotFoundError):
            tree.names_in(b"nothing")
        with pytest.raises(NotFoundError):
            tree.names_in(b"bagit.txt")
        with pytest.raises(NotFoundError):
            tree.open(b"data/no.txt")
        with pytest.raises(WrongKindError):
            tree.open(b"data")
        source = tree.open(b"data/a.txt", past_cache=True)
        buffer = memoryview(bytearray(3))
        assert (source.readinto(buffer), bytes(buffer)) == (3, b"alp")
        assert (source.readinto(buffer), bytes(buffer[:2]), source.readinto(buffer)) == (2, b"ha", 0)
        assert source.evidence is Evidence.READ
        source.close()


@pytest.mark.parametrize("name", ["bag.tar", "bag.tar.gz", "bag.zip"])
def test_an_archive_that_changes_while_it_is_read_shows_in_each_stat(tmp_path: Path, name: str) -> None:
    archive = zipped() if name.endswith("zip") else tar(mode="w:gz" if name.endswith("gz") else "w:")
    path = written(tmp_path, archive, name)
    with archives.opened(os.fsencode(path)) as opened:
        assert opened.tree is not None
        source = opened.tree.open(b"data/a.txt")
        before = source.stat().token
        os.utime(path, (1, 1))
        assert source.stat().token != before
        source.close()
        assert [finding.code for finding in opened.last_findings()] == [Code.CHANGED_WHILE_READ]


def test_nothing_is_left_in_the_temporary_folder_and_nothing_beside_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for name, (make, _) in KINDS.items():
        judged(written(tmp_path, make(), name))
    assert {path.name for path in tmp_path.rglob("*")} == {"tmp", *KINDS}


def test_the_bag_at_the_top_is_judged_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, tar({**BAG, "data/a.txt": b"other"}))
    assert seen(path) == {(Code.ARCHIVE_TOP, None), (Code.DIGEST_MISMATCH, b"data/a.txt")}
