"""Several sources in one bag, one file, and sources that look like bags."""

import os
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.making.request import BagRequest, Written
from preserve.bag.making.survey import survey
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError, UsageError

INFO: tuple[tuple[str, str | None], ...] = (("Payload-Oxum", None), ("Package-UUID", None))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("letters/a.txt", "letters/sub/b.txt", "letters.txt", "other/letters/c.txt", "other/hollow.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def make(*sources: Path, ignore: tuple[bytes, ...] = (), follow: bool = False) -> Written:
    root = next(path for path in sources[0].parents if (path / "letters.txt").exists())
    return write_bag(
        BagRequest(
            sources=tuple(os.fsencode(source) for source in sources),
            target=os.fsencode(root / "bag"),
            info=INFO,
            ignore=ignore,
            follow_links=follow,
        )
    )


def payload(folder: Path) -> dict[str, bytes]:
    data = folder / "bag/data"
    assert validate(os.fsencode(data.parent)).outcome is Outcome.PASS
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_each_source_lies_under_its_own_name_and_manifests_stay_in_order(folder: Path) -> None:
    made = make(folder / "letters.txt", folder / "other", folder / "letters")
    assert payload(folder) == {
        "letters.txt": b"letters.txt",
        "letters/a.txt": b"letters/a.txt",
        "letters/sub/b.txt": b"letters/sub/b.txt",
        "other/letters/c.txt": b"other/letters/c.txt",
        "other/hollow.txt": b"other/hollow.txt",
    }
    paths = [line.split(b"  ", 1)[1] for line in (folder / "bag/manifest-sha256.txt").read_bytes().splitlines()]
    assert paths == sorted(paths) and made.file_count == 5


def test_one_file_lies_directly_in_the_payload_with_its_time_and_mode(folder: Path) -> None:
    (folder / "letters.txt").chmod(0o640)
    make(folder / "letters.txt")
    assert payload(folder) == {"letters.txt": b"letters.txt"}
    copy, source = (folder / "bag/data/letters.txt").stat(), (folder / "letters.txt").stat()
    assert (copy.st_mode, copy.st_mtime_ns) == (source.st_mode, source.st_mtime_ns)


def test_two_of_one_name_are_refused(folder: Path) -> None:
    before = names(folder)
    with pytest.raises(UsageError, match="the same name") as error:
        make(folder / "letters", folder / "other/letters", folder / "letters.txt")
    assert "other/letters" in error.value.message and "letters.txt" not in error.value.message
    assert "Rename one" in error.value.remedy and names(folder) == before


@pytest.mark.parametrize("inner", ["other/letters", "other/hollow.txt"])
def test_a_source_in_another_is_refused(folder: Path, inner: str) -> None:
    before = names(folder)
    for sources in ([inner, "other"], ["other", inner]):
        with pytest.raises(UsageError, match="lies in"):
            make(*(folder / name for name in sources), folder / "letters.txt")
    assert names(folder) == before


def test_a_source_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="nothing: there is no such file or folder"):
        make(folder / "letters", folder / "nothing")
    with pytest.raises(UsageError, match="nothing is named"):
        write_bag(BagRequest(sources=(), target=os.fsencode(folder / "bag")))


def test_a_target_in_any_of_them_is_refused(folder: Path) -> None:
    sources = tuple(os.fsencode(folder / name) for name in ("letters", "other"))
    for target in ("other", "other/new", "letters/sub/new"):
        with pytest.raises(UsageError, match="lies in the source"):
            write_bag(BagRequest(sources=sources, target=os.fsencode(folder / target)))


def test_what_no_bag_can_carry_is_named_with_its_source(folder: Path) -> None:
    (folder / "other/link").symlink_to("hollow.txt")
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError) as error:
        make(folder / "letters", folder / "other", folder / "pipe")
    lines = error.value.message.splitlines()[1:]
    assert lines == [
        "other/link: a symbolic link, which a bag cannot carry",
        "pipe: a device, FIFO or socket, which a bag cannot carry",
    ]


def test_links_are_followed_within_one_source_and_not_into_another(folder: Path) -> None:
    (folder / "other/link").symlink_to("hollow.txt")
    make(folder / "letters", folder / "other", follow=True)
    assert payload(folder)["other/link"] == b"other/hollow.txt"
    (folder / "other/out").symlink_to(folder / "letters/a.txt")
    with pytest.raises(UsageError, match="other/out: a symbolic link that leaves the source"):
        write_bag(
            BagRequest(
                sources=(os.fsencode(folder / "letters"), os.fsencode(folder / "other")),
                target=os.fsencode(folder / "second"),
                follow_links=True,
            )
        )


def test_patterns_are_of_paths_below_each_source_and_spare_what_was_named(folder: Path) -> None:
    make(folder / "letters", folder / "letters.txt", folder / "other", ignore=(b"letters*", b"sub/b.txt", b"/a.txt"))
    assert set(payload(folder)) == {"letters.txt", "other/hollow.txt"}


def test_in_place_takes_one_folder(folder: Path) -> None:
    before = names(folder)
    with pytest.raises(UsageError, match="2 sources") as error:
        write_bag(BagRequest(sources=(bytes(folder / "letters"), bytes(folder / "other")), target=None))
    assert "--to" in error.value.remedy
    with pytest.raises(UsageError, match="not a folder"):
        write_bag(BagRequest(sources=(bytes(folder / "letters.txt"),), target=None))
    assert names(folder) == before


def test_a_run_that_was_cut_off_goes_on_with_the_same_sources_in_any_order_and_no_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _stop)
        with pytest.raises(KeyboardInterrupt):
            make(folder / "letters", folder / "letters.txt")
    for others in (["letters"], ["letters", "letters.txt", "other"], ["letters", "other"]):
        with pytest.raises(UsageError, match="a bag of another source"):
            make(*(folder / name for name in others))
    copies = folder / ".bag.preserve-partial/bag/data"
    before = {str(path.relative_to(copies)): path.stat().st_ino for path in copies.rglob("*")}
    make(folder / "letters.txt", folder / "letters")
    assert {name: (folder / "bag/data" / name).stat().st_ino for name in before} == before
    assert set(payload(folder)) == {"letters.txt", "letters/a.txt", "letters/sub/b.txt"}


def test_a_file_that_goes_while_it_is_bagged_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*arguments: object) -> object:
        found = survey(*arguments)  # type: ignore[arg-type]
        (folder / "letters.txt").unlink()
        return found

    monkeypatch.setattr("preserve.bag.making.copying.survey", look)
    sources = tuple(os.fsencode(folder / name) for name in ("letters.txt", "letters"))
    with pytest.raises(UndeterminedError, match=r"letters\.txt: it is gone"):
        write_bag(BagRequest(sources=sources, target=os.fsencode(folder / "bag"), info=INFO))


def test_a_bag_is_refused_by_itself_however_it_is_named_and_whatever_is_ignored(folder: Path) -> None:
    make(folder / "letters")
    for ignore in ((), (b"bagit.txt",)):
        with pytest.raises(UsageError, match="is a bag already"):
            write_bag(
                BagRequest(sources=(bytes(folder / "bag"),), target=os.fsencode(folder / "second"), ignore=ignore)
            )


def test_the_beginning_of_a_bag_in_place_is_not_carried_off_in_a_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _stop)
        with pytest.raises(KeyboardInterrupt):
            write_bag(BagRequest(sources=(bytes(folder / "other"),), target=None, info=INFO))
    with pytest.raises(UsageError, match="in place was begun and not finished"):
        make(folder / "letters", folder / "other")


def test_a_path_that_no_line_of_a_manifest_can_carry_is_named(folder: Path) -> None:
    place = os.open(folder / "other", os.O_RDONLY)
    for _ in range(90):  # each percent sign is written as three
        os.mkdir(b"%" * 255, dir_fd=place)
        place, above = os.open(b"%" * 255, os.O_RDONLY, dir_fd=place), place
        os.close(above)
    os.close(os.open(b"file", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    os.close(place)
    with pytest.raises(UsageError, match="the path is longer than"):
        make(folder / "other")
    assert not (folder / "bag").exists()


HALF_MADE = {
    "manifest": (["data/x", "manifest-md5.txt"], "data/ and manifest-md5.txt are in it"),
    "twice": (["data/data/x", "note.txt"], "data/data/ is in it"),
    "data only": (["data/x"], "nothing but data/ is in it"),
    "a folder called data": (["data/x", "note.txt"], None),
    "a manifest": (["manifest-md5.txt", "x"], None),
}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("name", HALF_MADE)
def test_what_another_tool_seems_to_have_begun_is_told(tmp_path: Path, name: str, in_place: bool) -> None:
    files, why = HALF_MADE[name]
    for file in files:
        (tmp_path / "source" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / file).write_bytes(b"x")
    target = None if in_place else bytes(tmp_path / "bag")
    made = write_bag(BagRequest(sources=(bytes(tmp_path / "source"),), target=target, info=INFO))
    found = [warning for warning in made.warnings if warning.code is Code.HALF_MADE_BAG]
    assert [why] * len(found) == [str(each.parameters["why"]).split(",")[0] for each in found]
    assert len(found) == (why is not None)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
