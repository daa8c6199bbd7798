"""Empty folders: left out with a warning, kept by an empty file, or refused."""

import os
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.making.emptyfolders import keep_in_place
from preserve.bag.making.request import BagRequest, EmptyFolders, Payload, TagFile, Written
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError, UsageError

INFO: tuple[tuple[str, str | None], ...] = (("Payload-Oxum", None), ("Package-UUID", None))
MODES = pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in-place"])
KEPT = {"a.txt", "hollow/.keep", "sub/deep/down/.keep", "has keep/.keep"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name in ("hollow", "sub/deep/down", "has keep"):
        (folder / name).mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "has keep/.keep").write_bytes(b"theirs")
    return folder


def make(source: Path, choice: EmptyFolders, *, in_place: bool, tag_files: tuple[TagFile, ...] = ()) -> Written:
    target = None if in_place else os.fsencode(source.parent / "bag")
    sources = (os.fsencode(source),)
    return write_bag(BagRequest(sources=sources, target=target, info=INFO, empty_folders=choice, tag_files=tag_files))


def payload(bag: Path) -> set[str]:
    assert validate(os.fsencode(bag)).outcome is Outcome.PASS
    return {str(path.relative_to(bag / "data")) for path in (bag / "data").rglob("*") if path.is_file()}


def bag_of(source: Path, *, in_place: bool) -> Path:
    return source if in_place else source.parent / "bag"


@MODES
def test_kept_by_an_empty_file_in_each(source: Path, in_place: bool) -> None:
    before = sorted(map(str, source.rglob("*")))
    made = make(source, EmptyFolders.KEEP, in_place=in_place)
    bag = bag_of(source, in_place=in_place)
    assert payload(bag) == KEPT and not made.warnings and made.file_count == 4
    assert (bag / "data/hollow/.keep").read_bytes() == b"" and (bag / "data/has keep/.keep").read_bytes() == b"theirs"
    assert "Empty-Folders: an empty file .keep stands in each" in (bag / "bag-info.txt").read_text()
    assert in_place or sorted(map(str, source.rglob("*"))) == before


def test_a_file_that_stands_for_a_folder_can_be_read_by_all(source: Path) -> None:
    make(source, EmptyFolders.KEEP, in_place=False)
    assert (source.parent / "bag/data/hollow/.keep").stat().st_mode & 0o777 == 0o644


@MODES
def test_whoever_writes_a_tag_file_finds_the_files_that_stand_for_folders(source: Path, in_place: bool) -> None:
    found: set[bytes] = set()

    def write(_: object, payload: Payload) -> None:
        for file in payload.files():
            assert Path(os.fsdecode(payload.locate(file.path))).is_file()
            found.add(file.path)

    make(source, EmptyFolders.KEEP, in_place=in_place, tag_files=(TagFile(b"notes.txt", write),))
    assert found == {b"data/" + name.encode() for name in KEPT}


@MODES
def test_left_out_with_a_warning_unless_something_else_is_chosen(source: Path, in_place: bool) -> None:
    made = make(source, EmptyFolders.LEAVE_OUT, in_place=in_place)
    assert [(w.code, w.path) for w in made.warnings] == [
        (Code.EMPTY_FOLDER, b"hollow"),
        (Code.EMPTY_FOLDER, b"sub/deep/down"),
    ]
    assert payload(bag_of(source, in_place=in_place)) == {"a.txt", "has keep/.keep"}


@MODES
def test_refused_by_name_and_nothing_touched(source: Path, in_place: bool) -> None:
    before = sorted(map(str, source.parent.rglob("*")))
    with pytest.raises(UsageError, match="holds empty folders") as error:
        make(source, EmptyFolders.REFUSE, in_place=in_place)
    assert error.value.message.splitlines()[1:] == ["hollow", "sub/deep/down"]
    assert "keep" in error.value.remedy and sorted(map(str, source.parent.rglob("*"))) == before
    for name in ("hollow", "sub/deep/down"):
        (source / name).rmdir()
    (source / "sub/deep").rmdir()
    (source / "sub").rmdir()
    make(source, EmptyFolders.REFUSE, in_place=in_place)
    assert payload(bag_of(source, in_place=in_place)) == {"a.txt", "has keep/.keep"}


@MODES
def test_a_folder_that_is_filled_meanwhile_needs_no_such_file(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _stop)
        with pytest.raises(KeyboardInterrupt):
            make(source, EmptyFolders.KEEP, in_place=in_place)
    (source / "hollow/new").write_bytes(b"new")
    make(source, EmptyFolders.KEEP, in_place=in_place)
    kept = {"hollow/.keep"} if in_place else set()  # it was made, and nothing is deleted in a source
    assert payload(bag_of(source, in_place=in_place)) == (KEPT - {"hollow/.keep"}) | {"hollow/new"} | kept


def test_in_place_a_link_in_the_place_of_a_folder_is_not_followed(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    outside = source.parent / "outside"
    outside.mkdir()

    def exchange(*arguments: object) -> object:
        (source / "hollow").rmdir()
        (source / "hollow").symlink_to(outside)
        return keep_in_place(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("preserve.bag.making.in_place.keep_in_place", exchange)
    with pytest.raises(UndeterminedError, match="hollow"):
        make(source, EmptyFolders.KEEP, in_place=True)
    assert not list(outside.iterdir()) and (source / "a.txt").exists()


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
