"""Folders that somebody prepared: nothing that is not ours is deleted, followed, written through or called good."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.making.layout import COPY
from preserve.bag.making.request import BagRequest, TagFile, Written
from preserve.bag.making.tagwriting import LoggedPayload, TagWriter
from preserve.bag.making.workfolder import WorkFolder
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError, UsageError
from preserve.ingest.packaging import Packaging, package
from tests.unit.preserve.bag.bags import DECLARED_0_97, Bag

INFO: tuple[tuple[str, str | None], ...] = (("Bagging-Date", None), ("Payload-Oxum", None), ("Package-UUID", None))
MODES = pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in-place"])
TAG_FILE = TagFile(b"metadata/old.txt", lambda stream, _: None)


class Stop(Exception):
    """Stands for the end of the process."""


def _stop(*_: object, **__: object) -> None:
    raise Stop


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "sub/b.txt").write_bytes(b"beta")
    return folder


def _make(source: Path, *, in_place: bool, tag_files: tuple[TagFile, ...] = ()) -> Written:
    target = None if in_place else os.fsencode(source.parent / "box")
    return write_bag(BagRequest(sources=(os.fsencode(source),), target=target, info=INFO, tag_files=tag_files))


def _bag(source: Path, *, in_place: bool) -> Path:
    return source if in_place else source.parent / "box"


def _work(source: Path, *, in_place: bool) -> Path:
    return source / ".preserve-bagging" if in_place else source.parent / ".box.preserve-partial"


def _tree(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else "other"
        for path in sorted(folder.rglob("*"))
    }


def _good(bag: Path) -> bool:
    return validate(os.fsencode(bag)).outcome is Outcome.PASS


def _cut_off(source: Path, monkeypatch: pytest.MonkeyPatch, where: str, *, in_place: bool) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(where, _stop)
        with pytest.raises(Stop):
            _make(source, in_place=in_place)


TAGS = "preserve.bag.making.tagwriting.TagWriter.write"
REMOVE = "preserve.bag.making.workfolder.WorkFolder.remove"


# --- a work folder that is not ours ---

PLANTED: dict[str, Callable[[Path], object]] = {
    "precious.txt": lambda work: (work / "precious.txt").write_bytes(b"precious"),
    "moving": lambda work: (work / "moving").write_bytes(b""),
    "whole": lambda work: (work / "whole").write_bytes(b"1"),
    "read.log": lambda work: (work / "read.log").write_bytes(b"precious"),
    "tags": lambda work: (work / "tags").mkdir(),
    "lock": lambda work: (work / "lock").write_bytes(b"precious"),
    "state.json": lambda work: (work / "state.json").write_bytes(b'{"uuid": 5}'),
}


@MODES
@pytest.mark.parametrize("name", PLANTED)
def test_a_folder_in_its_place_is_refused_and_nothing_touched(source: Path, in_place: bool, name: str) -> None:
    work = _work(source, in_place=in_place)
    work.mkdir()
    PLANTED[name](work)
    before = _tree(source.parent)
    with pytest.raises(UsageError, match=name.replace(".", r"\.")) as error:
        _make(source, in_place=in_place)
    assert "not a work folder of `preserve bag`" in error.value.message
    assert _tree(source.parent) == before


@MODES
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_in_its_place_is_called_that(source: Path, in_place: bool, kind: str) -> None:
    work, elsewhere = _work(source, in_place=in_place), source.parent / "elsewhere"
    elsewhere.mkdir()
    if kind == "file":
        work.write_bytes(b"precious")
    else:
        work.symlink_to(elsewhere)
    before = _tree(source.parent)
    with pytest.raises(UsageError, match="a file stands" if kind == "file" else "a symbolic link stands"):
        _make(source, in_place=in_place)
    assert _tree(source.parent) == before


@pytest.mark.parametrize(
    ("in_place", "name"),
    [(mode, name) for mode in (True, False) for name in ("precious.txt", "precious/x")]
    + [(True, "tags/precious.txt"), (False, "bag/precious.txt")],
)
def test_what_came_into_a_folder_of_ours_is_named_and_kept(
    source: Path, in_place: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, TAGS, in_place=in_place)
    path = _work(source, in_place=in_place) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match="precious"):
        _make(source, in_place=in_place)
    assert path.read_bytes() == b"precious" and (source / "a.txt").exists()
    path.unlink()
    if name == "precious/x":
        path.parent.rmdir()
    _make(source, in_place=in_place)
    assert _good(_bag(source, in_place=in_place))


def test_a_file_among_the_copies_that_is_no_copy_is_named_and_kept(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, TAGS, in_place=False)
    path = _work(source, in_place=False) / "bag/data/precious.txt"
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match=r"precious\.txt"):
        _make(source, in_place=False)
    assert path.read_bytes() == b"precious"


@MODES
def test_what_comes_at_the_last_moment_is_kept_and_named(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = WorkFolder.remove

    def remove(self: WorkFolder, *last: bytes) -> None:
        Path(os.fsdecode(self.at(b"precious.txt"))).write_bytes(b"precious")
        real(self, *last)

    monkeypatch.setattr(WorkFolder, "remove", remove)
    with pytest.raises(UsageError, match=r"precious\.txt"):
        _make(source, in_place=in_place)
    monkeypatch.undo()
    (_work(source, in_place=in_place) / "precious.txt").unlink()
    _make(source, in_place=in_place)
    assert _good(_bag(source, in_place=in_place)) and not _work(source, in_place=in_place).exists()


@MODES
def test_an_empty_folder_or_a_lock_is_what_a_killed_run_leaves(source: Path, in_place: bool) -> None:
    work = _work(source, in_place=in_place)
    work.mkdir()
    (work / "lock").write_bytes(b"")
    (work / ".state.json.0123abcd.partial").write_bytes(b"{")
    _make(source, in_place=in_place)
    assert _good(_bag(source, in_place=in_place)) and not work.exists()


def test_tag_files_of_an_earlier_run_with_others_are_known(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.in_place.sync_tree", _stop)
        with pytest.raises(Stop):
            _make(source, in_place=True, tag_files=(TAG_FILE,))
    assert (source / ".preserve-bagging/tags/metadata/old.txt").exists()
    _make(source, in_place=True)
    assert _good(source) and not (source / "metadata").exists()


def test_in_place_goes_on_where_the_disk_was_mounted_elsewhere(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _cut_off(source, monkeypatch, "preserve.bag.making.in_place.InPlace._place", in_place=True)
    moved = source.rename(source.parent / "moved")
    _make(moved, in_place=True)
    assert _good(moved)


def test_what_an_earlier_version_began_is_gone_on_with(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _cut_off(source, monkeypatch, "preserve.bag.making.in_place.InPlace._place", in_place=True)
    state = source / ".preserve-bagging/state.json"
    document = json.loads(state.read_text())
    (document["source"],), (document["source_base64"],) = document.pop("sources"), document.pop("sources_base64")
    state.write_text(json.dumps(document))
    _make(source, in_place=True)
    assert _good(source) and (source / "data/a.txt").read_bytes() == b"alpha"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_source_with_that_name_in_it_is_not_said_to_be_begun(source: Path, kind: str) -> None:
    name = source / ".preserve-bagging"
    if kind == "folder":
        name.mkdir()
        (name / "x").write_bytes(b"x")
    else:
        name.write_bytes(b"x")
    with pytest.raises(UsageError, match="a file stands" if kind == "file" else "did not write") as error:
        _make(source, in_place=False)
    assert "begun" not in error.value.message


# --- a bag that stands ---


@pytest.mark.parametrize("content", [None, "lock", "precious.txt", "moving"])
def test_a_bag_is_not_called_finished_for_a_folder_in_it(source: Path, content: str | None) -> None:
    _make(source, in_place=True)
    (source / "data/a.txt").write_bytes(b"spoiled")
    work = source / ".preserve-bagging"
    work.mkdir()
    if content:
        (work / content).write_bytes(b"")
    with pytest.raises(UsageError, match="is a bag already"):
        _make(source, in_place=True)
    assert work.exists() is (content in ("precious.txt", "moving"))


@MODES
@pytest.mark.parametrize("spoiled", [False, True])
def test_a_bag_that_was_changed_before_the_last_cleaning_is_told(
    source: Path, in_place: bool, spoiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, REMOVE, in_place=in_place)
    bag = _bag(source, in_place=in_place)
    assert _good(bag)
    if not spoiled:
        _make(source, in_place=in_place)
        assert not _work(source, in_place=in_place).exists()
        return
    (bag / "data/sub/b.txt").write_bytes(b"spoiled")
    for _ in range(2):
        with pytest.raises(UndeterminedError, match=r"sub/b\.txt: it was changed"):
            _make(source, in_place=in_place)


@MODES
@pytest.mark.parametrize("left", range(1, 6))
def test_the_cleaning_can_be_cut_off_anywhere(
    source: Path, in_place: bool, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = WorkFolder.drop

    def drop(self: WorkFolder, *names: bytes) -> None:
        real(self, *names[:-left])
        raise Stop

    with monkeypatch.context() as patched:
        patched.setattr(WorkFolder, "drop", drop)
        with pytest.raises(Stop):
            _make(source, in_place=in_place)
    bag, work = _bag(source, in_place=in_place), _work(source, in_place=in_place)
    evidence = work / ("read.log" if in_place else "read-back.log")
    if evidence.exists():
        _make(source, in_place=in_place)
    else:
        with pytest.raises(UsageError, match=r"is a bag already|is there already"):
            _make(source, in_place=in_place)
    assert _good(bag) and not work.exists()


@pytest.mark.parametrize("what", ["changed", "new", "beside"])
def test_in_place_what_changes_after_data_came_into_place_is_read_again(
    source: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[bytes]()

    def rename(origin: bytes, target: bytes) -> None:
        calls.append(origin)
        if b"/tags/manifest-sha512" in origin:
            raise Stop
        os.rename(origin, target)

    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.in_place.rename_no_replace", rename)
        with pytest.raises(Stop):
            _make(source, in_place=True)
    assert (source / "manifest-sha256.txt").exists() and (source / "data/a.txt").exists()
    changed = {"changed": "data/sub/b.txt", "new": "data/new", "beside": "beside"}[what]
    (source / changed).write_bytes(b"other")
    _make(source, in_place=True)
    assert _good(source) and not (source / "data/manifest-sha256.txt").exists()
    assert (source / "data" / changed.removeprefix("data/")).read_bytes() == b"other"


def test_a_staged_copy_that_was_changed_before_the_rename_is_made_anew(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, "preserve.bag.making.copying.Copying._rename", in_place=False)
    (_work(source, in_place=False) / "bag/data/a.txt").write_bytes(b"spoiled")
    _make(source, in_place=False)
    assert _good(source.parent / "box") and (source.parent / "box/data/a.txt").read_bytes() == b"alpha"


# --- links ---


@MODES
@pytest.mark.parametrize("name", ["state.json", "read.log", "lock", "declaration", "FOLDER"])
def test_links_in_the_work_folder_are_not_followed(
    source: Path, in_place: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, TAGS, in_place=in_place)
    work, elsewhere = _work(source, in_place=in_place), source.parent / "elsewhere"
    name = name.replace("FOLDER", "data" if in_place else "bag")
    if (work / name).is_dir() or (work / name).exists():
        (work / name).rename(elsewhere)
    else:
        elsewhere.write_bytes(b"")
    (work / name).symlink_to(elsewhere)
    before = _tree(source.parent)
    with pytest.raises(UsageError, match=name.replace(".", r"\.")):
        _make(source, in_place=in_place)
    assert _tree(source.parent) == before


@MODES
def test_other_names_of_what_lies_in_the_staging_are_never_written_to(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, "preserve.bag.making.tagwriting.HashedFile.flush", in_place=in_place)
    work, folder = _work(source, in_place=in_place), source.parent / "elsewhere"
    folder.mkdir()

    def plant(path: Path) -> None:
        (folder / path.name).write_bytes(b"precious" * 99)
        path.unlink(missing_ok=True)
        os.link(folder / path.name, path)

    real = TagWriter.write

    def write(self: TagWriter, request: BagRequest, payload: LoggedPayload) -> None:
        for name in ("bag-info.txt", "manifest-sha512.txt"):
            plant(Path(os.fsdecode(self._folder)) / name)
        if not in_place:
            plant(work / "declaration")
        real(self, request, payload)

    monkeypatch.setattr(TagWriter, "write", write)
    for name in ("read.log", "declaration", *(["read.log.new"] if in_place else ["read-back.log"])):
        plant(work / name)
    if not in_place:
        plant(work / "bag/data/a.txt")
    _make(source, in_place=in_place)
    assert set(_tree(folder).values()) == {b"precious" * 99} and _good(_bag(source, in_place=in_place))


def test_a_folder_of_tag_files_that_is_a_link_is_not_followed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.in_place.sync_tree", _stop)
        with pytest.raises(Stop):
            _make(source, in_place=True, tag_files=(TAG_FILE,))
    place, elsewhere = source / ".preserve-bagging/tags/metadata", source.parent / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    with pytest.raises(UsageError, match="metadata"):
        _make(source, in_place=True, tag_files=(TAG_FILE,))
    assert (elsewhere / "old.txt").exists()


@MODES
def test_a_link_under_the_name_of_a_tag_file_is_refused(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(source, monkeypatch, TAGS, in_place=in_place)
    link = _work(source, in_place=in_place) / ("tags" if in_place else "bag") / "bag-info.txt"
    link.symlink_to(source / "a.txt")
    with pytest.raises(UsageError, match=r"bag-info\.txt"):
        _make(source, in_place=in_place)
    assert link.is_symlink() and (source / "a.txt").read_bytes() == b"alpha"


def test_a_copy_whose_source_is_gone_and_that_no_log_knows_does_not_come_into_the_bag(source: Path) -> None:
    staged = WorkFolder(os.fsencode(_work(source, in_place=False)), COPY)
    with staged.held():
        staged.begin(BagRequest(sources=(os.fsencode(source),), target=None), ())
    data = _work(source, in_place=False) / "bag/data"
    data.mkdir(parents=True)
    (data / "gone").write_bytes(b"x")
    with pytest.raises(UsageError, match="gone"):
        _make(source, in_place=False)


# --- what a bag says ---


@pytest.mark.parametrize("codec", ["UTF-8", "UTF-16LE"])
def test_a_byte_order_mark_hides_nothing(tmp_path: Path, codec: str) -> None:
    bag = Bag(tmp_path / "bag", declared=b"BagIt-Version: 1.0\nTag-File-Character-Encoding: %b\n" % codec.encode())
    for path in tmp_path.glob("bag/manifest-*"):
        path.write_bytes(path.read_bytes().decode().encode(codec))
    bag.write(b"bag-info.txt", "\ufeffPayload-Oxum: 2.2\n".encode(codec))
    bag.write(b"fetch.txt", "\ufeffhttp://x.org/ - data/not-listed\n".encode(codec))
    found = {(finding.code, finding.file, finding.line) for finding in bag.found()}
    mark = Code.BYTE_ORDER_MARK_FORBIDDEN if codec == "UTF-8" else Code.BYTE_ORDER_MARK
    assert found == {
        (mark, b"bag-info.txt", 1),
        (mark, b"fetch.txt", 1),
        (Code.OXUM_MISMATCH, b"bag-info.txt", 1),
        (Code.FETCH_UNLISTED, b"fetch.txt", 1),
    }


def test_marks_in_manifests_are_told_once_each_and_the_line_counts(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    manifest = tmp_path / "bag/manifest-sha256.txt"
    manifest.write_bytes(b"\xef\xbb\xbf" * 2 + manifest.read_bytes())
    bag.tag_manifest()
    tags = tmp_path / "bag/tagmanifest-sha256.txt"
    tags.write_bytes(b"\xef\xbb\xbf" + tags.read_bytes())
    found = bag.validated()
    assert [(f.code, f.file) for f in bag.found()] == [
        (Code.BYTE_ORDER_MARK_FORBIDDEN, b"tagmanifest-sha256.txt"),
        (Code.BYTE_ORDER_MARK_FORBIDDEN, b"manifest-sha256.txt"),
    ]
    assert found.outcome is Outcome.FAIL and found.payload.good == 2
    bag.write(b"bagit.txt", DECLARED_0_97)
    bag.tag_manifest()
    assert bag.outcome() is Outcome.PASS


@pytest.mark.parametrize(("name", "shown"), [("\udcff", r"'\\xff'"), ("", "''"), ("a\x1b[2J", r"'a\\x1b\[2J'")])
def test_an_unknown_algorithm_is_named_so_that_it_can_be_seen(source: Path, name: str, shown: str) -> None:
    with pytest.raises(UsageError, match=f"no algorithm is called {shown}"):
        package(Packaging(sources=[os.fsencode(source)], target=None, algorithms=("sha256", name)))
    assert sorted(path.name for path in source.iterdir()) == ["a.txt", "sub"]
