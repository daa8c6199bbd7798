"""The Python interface: it refuses what the command refuses, and gives back files and threads however it is left."""

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from preserve.bag import Code, read, validate, write
from preserve.bag.collected import Findings
from preserve.bag.finding import Finding
from preserve.errors import PreserveError, UndeterminedError, UsageError
from tests.unit.preserve.bag.serialised import tar, written, zipped


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "b.txt").write_bytes(b"beta")
    return folder


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a line break in a value": ({"info": [("Contact-Name", "one\nPayload-Oxum: 1.1")]}, "line break"),
    "a carriage return in a value": ({"info": [("Contact-Name", "one\rtwo")]}, "line break"),
    "a line break in a label": ({"info": [("Contact\nName", "one")]}, "not a label"),
    "a colon in a label": ({"info": [("Contact: Name", "one")]}, "not a label"),
    "an empty label": ({"info": [("", "one")]}, "not a label"),
    "a label with a space at its end": ({"info": [("Contact-Name ", "one")]}, "not a label"),
    "a value that is not UTF-8": ({"info": [("Contact-Name", "\udcff")]}, "line break or a control"),
    "a Payload-Oxum": ({"info": [("Payload-Oxum", "1.1")]}, "cannot be given"),
    "a payload-oxum": ({"info": [("payload-oxum", "1.1")]}, "cannot be given"),
    "a Payload-Oxum with a space": ({"info": [("Payload-Oxum ", "1.1")]}, "cannot be given"),
    "a Bagging-Date": ({"info": [("Bagging-Date", "2020-01-01")]}, "cannot be given"),
    "a Package-UUID": ({"info": [("Package-UUID", "1")]}, "cannot be given"),
    "what is said of choices": ({"info": [("Ignored-Files", "0")]}, "cannot be given"),
    "lines that nobody reads": ({"info": [("Note", "x" * 500_000)] * 3}, "longer than"),
    "an unknown algorithm": ({"algorithms": ["sha256", "rot13"]}, "no algorithm is called 'rot13'"),
    "no algorithm": ({"algorithms": []}, "no algorithm is named"),
    "no pattern": ({"ignore": [""]}, "no pattern"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_command_refuses_is_refused_and_nothing_made(source: Path, tmp_path: Path, what: str) -> None:
    more, message = REFUSED[what]
    with pytest.raises(UsageError, match=message):
        write(source, tmp_path / "bag", **more)
    assert list(tmp_path.iterdir()) == [source]


def test_the_command_says_the_same_of_the_same(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        write(source, tmp_path / "bag", algorithms=["rot13"])
    command = [sys.executable, "-m", "preserve", "bag", str(source), "--to", "bag", "--algorithm", "rot13"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert raised.value.message in done.stderr and done.returncode == 2


def test_an_empty_path_is_never_the_folder_one_stands_in(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source)
    acts: tuple[Callable[[], object], ...] = (
        lambda: write("", None),
        lambda: write(["", "a.txt"], "../bag"),
        lambda: write("a.txt", ""),
    )
    for act in acts:
        with pytest.raises(UsageError, match="empty"):
            act()
    for look in (validate, read):
        with pytest.raises(UsageError, match="empty"):
            look("")
    assert sorted(path.name for path in source.iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("path", ["with\0zero", "lone \ud800"])
def test_what_no_path_can_be_is_refused(source: Path, path: str) -> None:
    for act in (lambda: write(path, "bag"), lambda: write(source, path), lambda: validate(path), lambda: read(path)):
        with pytest.raises(UsageError, match="no path"):
            act()


def test_two_sources_of_one_name_are_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "other/letters").mkdir(parents=True)
    with pytest.raises(UsageError, match="same name"):
        write([source, tmp_path / "other/letters"], tmp_path / "bag")
    with pytest.raises(UsageError, match="same name"):
        write([source, source], tmp_path / "bag")
    with pytest.raises(UsageError, match="nothing is named"):
        write([], tmp_path / "bag")


def test_algorithms_are_taken_as_people_write_them_and_once_each(source: Path, tmp_path: Path) -> None:
    made = write(source, tmp_path / "bag", algorithms=["SHA-256", "sha256", "md5", "Sha_256"])
    assert made.algorithms == ("sha256", "md5")


def test_paths_are_taken_in_every_form(source: Path, tmp_path: Path) -> None:
    made = write(os.fsencode(source), os.fsencode(tmp_path / "bag"))
    for path in (str(tmp_path / "bag"), tmp_path / "bag", made.bag):
        assert validate(path).result().outcome == "pass"


# --- hostile bags ---


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 3000,
        b"PK\x03\x04" + b"x" * 100,
        b"PK\x05\x06" + bytes(18),
        b"\x1f\x8b\x08\x00",
        b"BZh9",
        b"\xfd7zXZ\0",
    ],
)
def test_a_file_that_is_no_bag_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bag.zip"
    path.write_bytes(content)
    with pytest.raises(PreserveError):
        read(path)
    assert validate(path).result().outcome != "pass"


def test_whatever_stands_in_tag_files_is_read_or_an_error_of_ours(source: Path, tmp_path: Path) -> None:
    bag = Path(os.fsdecode(write(source, tmp_path / "bag").bag))
    for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "fetch.txt", "tagmanifest-sha512.txt"):
        place = bag / name
        before = place.read_bytes() if place.exists() else b""
        for content in (
            b"",
            b"\xff\xfe",
            b"\0",
            before[: len(before) // 2],
            b"a:" * 100_000,
            b"\n" * 1000,
            b"%0A " * 99,
        ):
            place.write_bytes(content)
            try:
                said = read(bag)
                assert list(said.files()) is not None and list(said.tag_files()) is not None
            except PreserveError as error:
                assert error.message
        place.unlink()
        place.mkdir()
        try:
            assert read(bag).findings is not None
        except PreserveError as error:
            assert error.message
        place.rmdir()
        place.write_bytes(before)


# --- left before the end ---


def _held() -> tuple[int, int]:
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count()


@pytest.fixture(params=["folder", "bag.tar.gz", "bag.zip"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A bag with more to say than is held in memory."""
    if request.param != "folder":
        makers = {"bag.tar.gz": lambda files: tar(files, mode="w:gz"), "bag.zip": zipped}
        lines = b"".join(b"%064x  data/gone-%d\n" % (number, number * 7919 % 12_000) for number in range(12_000))
        files = {
            "bag/bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            "bag/data/a": b"a",
            "bag/manifest-sha256.txt": lines,
        }
        return written(tmp_path, makers[request.param](files), request.param)
    folder = tmp_path / "large"
    folder.mkdir()
    for number in range(4):
        (folder / f"f{number}").write_bytes(bytes(3_000_000))
    bag = Path(os.fsdecode(write(folder, tmp_path / "bag").bag))
    for number in range(4):
        (bag / f"data/f{number}").write_bytes(b"x" * 3_000_000)
    with open(bag / "manifest-sha256.txt", "ab") as manifest:
        manifest.writelines(b"%064x  data/gone-%d\n" % (number, number * 7919 % 12_000) for number in range(12_000))
    return bag


@pytest.mark.parametrize("taken", [0, 1, 5, 11_000])
def test_a_validation_that_is_closed_gives_files_and_threads_back(damaged: Path, taken: int) -> None:
    before = _held()
    with closing(validate(damaged)) as findings:
        for _ in range(taken):
            next(findings)
        findings.close()
        assert next(findings, None) is None
        with pytest.raises(UndeterminedError, match="not validated to the end"):
            findings.result()
    del findings
    assert _held() == before


def test_a_validation_that_is_forgotten_gives_them_back_too(damaged: Path) -> None:
    before = _held()
    findings = validate(damaged)
    next(findings)
    del findings
    listed = read(damaged).files()
    next(listed)
    del listed
    assert _held() == before


def test_a_validation_that_an_error_ended_has_no_result(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever asks again would take what was not looked at for good."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    findings = validate(damaged)
    monkeypatch.setattr(Findings, "_spill", full)
    with pytest.raises(UndeterminedError, match="No space left"):
        findings.result()
    with pytest.raises(UndeterminedError, match="not validated to the end"):
        findings.result()


# --- types ---

EXAMPLE = """
import os
from collections.abc import Iterator
from pathlib import Path

from preserve.bag import Bag, Code, Depth, EmptyFolders, Finding, ListedFile, Validation, Validator, Written
from preserve.bag import read, validate, write

made: Written = write([Path("a"), "b"], b"c", info=[("Label", "value")], empty_folders=EmptyFolders.KEEP)
size: int = made.size_bytes
validator: Validator = validate(Path("c"), depth=Depth.COMPLETENESS)
for finding in validator:
    code: Code = finding.code
    path: bytes | None = finding.path
result: Validation = validator.result()
bag: Bag = read("c")
files: Iterator[ListedFile] = bag.files()
warnings: tuple[Finding, ...] = made.warnings
validator.close()
place: os.PathLike[str] = Path("c")
write(place, None)
"""


def test_programs_that_use_it_are_checked_by_mypy_as_strict(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(EXAMPLE)
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from preserve.bag import write\nwrite(5, None)\n")
    root = Path(__file__).resolve().parents[4]
    for path, status in ((program, 0), (wrong, 1)):
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(path)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr


def test_a_finding_is_what_it_says(source: Path, tmp_path: Path) -> None:
    write(source, tmp_path / "bag")
    (tmp_path / "bag/data/a.txt").write_bytes(b"ALPHA")
    found = list(validate(tmp_path / "bag"))
    assert [type(each) for each in found] == [Finding] and found[0].code is Code.DIGEST_MISMATCH
