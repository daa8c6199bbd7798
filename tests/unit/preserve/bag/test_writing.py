"""Making bags: what is written, what is refused, and how a run goes on where another stopped."""

import errno
import fcntl
import os
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import bagit
import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.making.in_place import InPlace
from preserve.bag.making.request import BagRequest, Payload, TagFile, Written
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.local import LocalStore
from preserve.stores.local_source import LocalSource

INFO: tuple[tuple[str, str | None], ...] = (("Bagging-Date", None), ("Payload-Oxum", None), ("Package-UUID", None))
NAMES = [
    "a.txt",
    "sub/b.txt",
    "sub/trailing ",
    "sub.txt",
    "line\nbreak\r%25.txt",
    "ខ្មែរ/ឯកសារ",
    "data/x",
    "bag-info.txt",
]
MODES = pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in-place"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * number)
    (folder / "large").write_bytes(bytes(700_000))
    return folder


def make(source: Path, *, in_place: bool = False, algorithms: tuple[str, ...] = ("sha256", "sha512")) -> Written:
    return write_bag(_request(source, in_place=in_place, algorithms=algorithms))


def _request(
    source: Path,
    *,
    in_place: bool,
    algorithms: tuple[str, ...] = ("sha256", "sha512"),
    tag_files: tuple[TagFile, ...] = (),
) -> BagRequest:
    target = None if in_place else os.fsencode(_bag(source, in_place=False))
    return BagRequest(
        sources=(os.fsencode(source),), target=target, algorithms=algorithms, info=INFO, tag_files=tag_files
    )


def _bag(source: Path, *, in_place: bool) -> Path:
    return source if in_place else source.parent / "made" / "bag"


def _content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


def _good(bag: Path) -> bool:
    return validate(os.fsencode(bag)).outcome is Outcome.PASS


@MODES
def test_a_bag_is_valid_and_holds_the_same_files_with_their_times(source: Path, in_place: bool) -> None:
    before = _content(source)
    times = {name: (source / name).stat().st_mtime_ns for name in before}
    made = make(source, in_place=in_place)
    bag = _bag(source, in_place=in_place)
    assert _content(bag / "data") == before
    assert {name: (bag / "data" / name).stat().st_mtime_ns for name in before} == times
    assert (made.file_count, made.size_bytes) == (len(before), sum(map(len, before.values())))
    found = validate(os.fsencode(bag))
    assert {finding.code for finding in found.findings} <= {Code.NAMES_NOT_PORTABLE}
    assert found.version == "1.0" and found.algorithms == ("sha256", "sha512")
    assert found.tags.good == 4
    assert in_place or _content(source) == before
    assert sorted(path.name for path in bag.parent.iterdir()) == (["source"] if in_place else ["bag"])
    assert not (bag / ".preserve-bagging").exists()


@MODES
def test_a_bag_is_valid_for_the_reference_too(source: Path, in_place: bool) -> None:
    # It strips names and does not know %25 (its own limits, not the specification's).
    (source / "sub/trailing ").unlink()
    (source / "line\nbreak\r%25.txt").rename(source / "line\nbreak\r.txt")
    make(source, in_place=in_place)
    assert bagit.Bag(str(_bag(source, in_place=in_place))).validate()


@MODES
def test_manifests_are_in_bytewise_order_and_bag_info_in_the_order_given(source: Path, in_place: bool) -> None:
    made = make(source, in_place=in_place)
    bag = _bag(source, in_place=in_place)
    paths = [line.split(b"  ", 1)[1] for line in (bag / "manifest-sha256.txt").read_bytes().splitlines()]
    assert paths == sorted(paths) and b"data/line%0Abreak%0D%2525.txt" in paths
    lines = (bag / "bag-info.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["Bagging-Date", "Payload-Oxum", "Package-UUID"]
    assert lines[2] == f"Package-UUID: {made.uuid}"


@MODES
def test_every_source_byte_is_read_once(source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[bytes] = Counter()
    real = LocalStore.open

    def open_(self: LocalStore, path: bytes, **options: object) -> LocalSource:
        if self.root == os.fsencode(source):
            counted[path] += 1
        return real(self, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "open", open_)
    make(source, in_place=in_place)
    assert set(counted.values()) == {1} and len(counted) == len(NAMES) + 1


def test_modes_are_kept_in_a_copy(source: Path) -> None:
    (source / "a.txt").chmod(0o640)
    make(source)
    assert (_bag(source, in_place=False) / "data/a.txt").stat().st_mode & 0o777 == 0o640


@MODES
def test_others_tag_files_know_the_payload_and_are_listed(source: Path, in_place: bool) -> None:
    before = _content(source)

    def write(stream: BinaryIO, payload: Payload) -> None:
        for file in payload.files():
            name = file.path.removeprefix(b"data/").decode()
            assert Path(os.fsdecode(payload.locate(file.path))).read_bytes() == before[name]
            assert set(file.digests) == {"sha256", "sha512"} and file.size_bytes == len(before[name])
            stream.write(b".")
        assert payload.file_count == len(before)

    request = _request(source, in_place=in_place, tag_files=(TagFile(b"metadata/x/y.txt", write),))
    write_bag(request)
    bag = _bag(source, in_place=in_place)
    assert (bag / "metadata/x/y.txt").read_bytes() == b"." * len(before)
    assert b"metadata/x/y.txt" in (bag / "tagmanifest-sha512.txt").read_bytes()


@MODES
def test_an_empty_source_and_empty_folders_are_warned_of(tmp_path: Path, in_place: bool) -> None:
    (tmp_path / "source" / "hollow").mkdir(parents=True)
    made = make(tmp_path / "source", in_place=in_place)
    assert [(w.code, w.path) for w in made.warnings] == [(Code.SOURCE_EMPTY, None), (Code.EMPTY_FOLDER, b"hollow")]
    assert _good(_bag(tmp_path / "source", in_place=in_place))


# --- refused before anything is touched ---


@MODES
@pytest.mark.parametrize("kind", ["link", "folder link", "fifo", "socket", "not utf-8", "bag"])
def test_refused_by_name_and_nothing_touched(
    source: Path, in_place: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = source / "sub" / "odd"
    if kind == "link":
        odd.symlink_to("b.txt")
    elif kind == "folder link":
        odd.symlink_to(source)
    elif kind == "fifo":
        os.mkfifo(odd)
    elif kind == "socket":
        monkeypatch.chdir(odd.parent)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("odd")
    elif kind == "not utf-8":
        Path(os.fsdecode(os.fsencode(odd) + b"\xff")).write_bytes(b"")
    else:
        (source / "bagit.txt").write_bytes(b"")
    before = sorted(map(str, source.parent.rglob("*")))
    with pytest.raises(UsageError) as error:
        make(source, in_place=in_place)
    assert ("bag already" if kind == "bag" else "sub/odd") in error.value.message
    assert sorted(map(str, source.parent.rglob("*"))) == before


def test_a_target_in_the_source_or_there_already_is_refused(source: Path) -> None:
    target = os.fsencode(source)
    for path in (target, target + b"/sub/new", target + b"/../source/x"):
        with pytest.raises(UsageError):
            write_bag(BagRequest(sources=(target,), target=path))
    (source.parent / "link").symlink_to(source)
    with pytest.raises(UsageError):
        write_bag(BagRequest(sources=(target,), target=os.fsencode(source.parent / "link" / "new")))
    (source.parent / "there").mkdir()
    with pytest.raises(UsageError):
        write_bag(BagRequest(sources=(target,), target=os.fsencode(source.parent / "there")))
    assert sorted(path.name for path in source.parent.iterdir()) == ["link", "source", "there"]


@MODES
def test_a_source_that_is_not_there_or_no_folder(tmp_path: Path, in_place: bool) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("nothing", "file") if in_place else ("nothing",):  # one file can be copied into a bag
        with pytest.raises(UsageError):
            make(tmp_path / name, in_place=in_place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@MODES
def test_two_at_the_same_bag_keep_out_of_each_others_way(source: Path, in_place: bool) -> None:
    bag = _bag(source, in_place=in_place)
    work = bag / ".preserve-bagging" if in_place else bag.parent / ".bag.preserve-partial"
    work.mkdir(parents=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another `preserve bag`"):
            make(source, in_place=in_place)
    make(source, in_place=in_place)
    assert _good(bag)


def test_the_beginning_of_another_sources_bag_is_not_gone_on_with(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _raise)
        with pytest.raises(Stop):
            make(source)
    other = source.parent / "other"
    other.mkdir()
    with pytest.raises(UsageError, match="another source"):
        make(other)


# --- trouble on the way ---


@MODES
def test_a_file_that_changes_while_it_is_read_is_told_and_nothing_is_bagged(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grown(real: Callable[..., Any]) -> Callable[..., Any]:
        def read(self: LocalSource, *arguments: object) -> object:
            if self.path == b"a.txt":
                (source / "a.txt").write_bytes(b"growing" * 3)
            return real(self, *arguments)

        return read

    with monkeypatch.context() as patched:
        for name in ("readinto", "whole"):
            patched.setattr(LocalSource, name, grown(getattr(LocalSource, name)))
        with pytest.raises(UndeterminedError, match=r"a\.txt: it changed"):
            make(source, in_place=in_place)
    assert not list(source.parent.rglob("bagit.txt"))
    make(source, in_place=in_place)
    assert _good(_bag(source, in_place=in_place))


@MODES
def test_a_rerun_reads_only_what_is_not_logged_or_was_changed(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    real = LocalStore.open

    def open_(self: LocalStore, path: bytes, **options: object) -> LocalSource:
        if self.root == os.fsencode(source):
            opened.append(path)
        return real(self, path, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _raise)
        with pytest.raises(Stop):
            make(source, in_place=in_place)
    (source / "a.txt").write_bytes(b"changed since")
    (source / "new").write_bytes(b"new")
    (source / "sub.txt").unlink()
    monkeypatch.setattr(LocalStore, "open", open_)
    make(source, in_place=in_place)
    assert sorted(opened) == [b"a.txt", b"new"]
    bag = _bag(source, in_place=in_place)
    assert _good(bag) and (bag / "data/a.txt").read_bytes() == b"changed since" and not (bag / "data/sub.txt").exists()


class Stop(Exception):
    """Stands for the end of the process."""


def _raise(*_: object) -> None:
    raise Stop


def test_a_rerun_with_other_algorithms_reads_anew(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _raise)
        with pytest.raises(Stop):
            make(source, algorithms=("md5",))
    made = make(source, algorithms=("sha512",))
    assert made.algorithms == ("sha512",)
    bag = _bag(source, in_place=False)
    assert _good(bag) and sorted(p.name for p in bag.glob("*manifest*")) == [
        "manifest-sha512.txt",
        "tagmanifest-sha512.txt",
    ]


def test_a_copy_that_is_not_read_back_as_written_is_copied_once_more(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = _spoiling(monkeypatch, times=1)
    make(source)
    assert spoiled == [b"a.txt"] and _good(_bag(source, in_place=False))


def test_a_copy_that_is_never_read_back_as_written_is_no_bag(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _spoiling(monkeypatch, times=9)
    before = _content(source)
    with pytest.raises(UndeterminedError, match=r"a\.txt"):
        make(source)
    assert not list(source.parent.rglob("bagit.txt")) and _content(source) == before


def _spoiling(monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[bytes]:
    """The disk flips a bit of `a.txt` after it was written."""
    from preserve.bag.making.placing import FileCopy

    real, spoiled = FileCopy.close, list[bytes]()

    def close(self: FileCopy, reading: object) -> None:
        real(self, reading)  # type: ignore[arg-type]
        if self._path == b"a.txt" and len(spoiled) < times:
            spoiled.append(self._path)
            path = Path(os.fsdecode(self._placing._root)) / "a.txt"
            found = path.stat()
            path.write_bytes(b"?")
            os.utime(path, ns=(found.st_mtime_ns, found.st_mtime_ns))

    monkeypatch.setattr(FileCopy, "close", close)
    return spoiled


@MODES
def test_a_full_disk_is_called_that_and_the_rerun_goes_on(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.HashedFile.flush", full)
        with pytest.raises(UndeterminedError, match="disk is full"):
            make(source, in_place=in_place)
    assert not list(source.parent.rglob("bagit.txt"))
    make(source, in_place=in_place)
    assert _good(_bag(source, in_place=in_place))


@pytest.mark.parametrize("what", ["changed", "new", "gone"])
def test_in_place_what_changes_before_the_move_is_read_again(
    source: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disturb(monkeypatch, source, what, "_prepare")
    make(source, in_place=True)
    assert _good(source) and (source / "data/sub/b.txt").exists() is (what != "gone")


@pytest.mark.parametrize("what", ["changed", "new", "gone"])
def test_in_place_what_changes_during_the_move_is_moved_back_and_read_again(
    source: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disturb(monkeypatch, source, what, "_move")
    make(source, in_place=True)
    assert _good(source) and (source / "data/sub/b.txt").exists() is (what != "gone")


def test_in_place_a_source_that_never_holds_still_stays_the_source(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(_content(source))
    _disturb(monkeypatch, source, "changed", "_move", times=99)
    with pytest.raises(UndeterminedError, match=r"sub/b\.txt"):
        make(source, in_place=True)
    assert {n for n in _content(source) if not n.startswith(".preserve-bagging")} == before
    assert not list(source.rglob("bagit.txt"))


def _disturb(monkeypatch: pytest.MonkeyPatch, source: Path, what: str, when: str, *, times: int = 1) -> None:
    """Somebody changes the source just before that step."""
    real, left = getattr(InPlace, when), [times]

    def step(self: InPlace, *args: object) -> object:
        if when == "_prepare":
            monkeypatch.setattr(InPlace, "_write_tags", after_reading)
        elif left[0]:
            left[0] -= 1
            change()
        return real(self, *args)

    real_tags = InPlace._write_tags

    def after_reading(self: InPlace, *args: object) -> None:
        if left[0]:
            left[0] -= 1
            change()
        # The tag files are those of what was read.
        real_tags(self, *args)  # type: ignore[arg-type]

    def change() -> None:
        path = source / "sub/b.txt"
        if what == "changed":
            path.write_bytes(b"other" + str(left[0]).encode())
        elif what == "gone":
            path.unlink()
        else:
            (source / "sub/new").write_bytes(b"new")

    monkeypatch.setattr(InPlace, when, step)


def test_in_place_entries_that_cannot_be_moved_are_put_back(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from preserve.stores import durable

    before = _content(source)
    calls = []

    def busy(origin: bytes, target: bytes) -> None:
        calls.append(origin)
        if len(calls) == 3:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), os.fsdecode(origin))
        durable.rename_no_replace(origin, target)

    monkeypatch.setattr("preserve.bag.making.in_place.rename_no_replace", busy)
    with pytest.raises(UndeterminedError, match="put back"):
        make(source, in_place=True)
    assert {n: c for n, c in _content(source).items() if not n.startswith(".preserve-bagging")} == before
    make(source, in_place=True)
    assert _good(source)


@pytest.mark.parametrize("name", ["sub.txt", "sub/b.txt"])
def test_in_place_a_change_that_only_ctime_tells_is_seen(
    source: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InPlace._write_tags

    def write_tags(self: InPlace, *args: object) -> None:
        real(self, *args)  # type: ignore[arg-type]
        monkeypatch.setattr(InPlace, "_write_tags", real)
        found = (source / name).stat()
        (source / name).write_bytes((source / name).read_bytes()[::-1])
        os.utime(source / name, ns=(found.st_mtime_ns, found.st_mtime_ns))

    monkeypatch.setattr(InPlace, "_write_tags", write_tags)
    make(source, in_place=True)
    assert _good(source)


def test_in_place_a_retreat_that_was_cut_off_is_ended_by_the_next_run(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _content(source)
    with monkeypatch.context() as patched:
        _disturb(patched, source, "new", "_move")
        patched.setattr(InPlace, "_move_back", _raise_unless_fresh)
        with pytest.raises(Stop):
            make(source, in_place=True)
    assert (source / ".preserve-bagging/data/a.txt").exists()
    monkeypatch.setattr(InPlace, "_retreat", _raise)  # all of the source is there again before it is looked over
    make(source, in_place=True)
    assert _good(source) and _content(source / "data") == before | {"sub/new": b"new"}


def _raise_unless_fresh(self: InPlace) -> None:
    if self._work.state() is not None:
        raise Stop


def test_what_an_earlier_run_finished_but_for_the_marker_is_no_bag_while_it_is_gone_on_with(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag_file = TagFile(b"metadata/old.txt", lambda stream, _: None)
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.workfolder.WorkFolder.mark", _raise)
        with pytest.raises(Stop):
            write_bag(_request(source, in_place=False, tag_files=(tag_file,)))
    assert list(source.parent.rglob("bagit.txt"))
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.copying.Copying._copy", _raise)
        with pytest.raises(Stop):
            make(source)
    assert not list(source.parent.rglob("bagit.txt"))
    make(source, algorithms=("sha512",))
    bag = _bag(source, in_place=False)
    assert _good(bag) and not (bag / "metadata").exists() and not (bag / "manifest-sha256.txt").exists()


@MODES
def test_bagit_txt_comes_by_a_rename_so_that_there_is_never_half_of_it(
    source: Path, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    real = os.open

    def spy(path: bytes, flags: int, *args: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            opened.append(path)
        return real(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", spy)
    make(source, in_place=in_place)
    assert opened and not [path for path in opened if path.endswith(b"bagit.txt")]
