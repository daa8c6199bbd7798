"""Symbolic links that are followed: only to what lies in the source, and to nothing else whatever is exchanged."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.making.request import BagRequest, Written
from preserve.bag.making.survey import survey
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError, UsageError

INFO: tuple[tuple[str, str | None], ...] = (("Payload-Oxum", None), ("Package-UUID", None))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "sub/b.txt").write_bytes(b"beta")
    (folder / "sub/deep/c.txt").write_bytes(b"gamma")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    return folder


def make(source: Path, *, follow: bool = True, in_place: bool = False) -> Written:
    target = None if in_place else os.fsencode(source.parent / "bag")
    return write_bag(BagRequest(sources=(os.fsencode(source),), target=target, info=INFO, follow_links=follow))


def payload(source: Path) -> dict[str, bytes]:
    data = source.parent / "bag/data"
    assert not [path for path in data.rglob("*") if path.is_symlink()]
    assert validate(os.fsencode(data.parent)).outcome is Outcome.PASS
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def test_links_to_files_and_folders_of_the_source_are_carried_as_what_they_mean(source: Path) -> None:
    (source / "to file").symlink_to("sub/b.txt")
    (source / "to folder").symlink_to("sub")
    (source / "sub/deep/up").symlink_to("../../a.txt")
    (source / "absolute").symlink_to(source / "sub/deep")
    (source / "round about").symlink_to("../source/sub/../a.txt")
    (source / "to a link").symlink_to("to file")
    (source / "sub.txt").write_bytes(b"sorts between")
    make(source)
    plain = {"a.txt": b"alpha", "sub.txt": b"sorts between"}
    deep = {"c.txt": b"gamma", "up": b"alpha"}
    sub = {"b.txt": b"beta", **{f"deep/{name}": content for name, content in deep.items()}}
    links = {"to file": b"beta", "round about": b"alpha", "to a link": b"beta"}
    assert payload(source) == {
        **plain,
        **links,
        **{f"sub/{name}": content for name, content in sub.items()},
        **{f"to folder/{name}": content for name, content in sub.items()},
        **{f"absolute/{name}": content for name, content in deep.items()},
    }
    # Two links in `sub/deep` and `to folder` are one on disk, and two files in the bag.
    assert (source.parent / "bag/bag-info.txt").read_text().splitlines()[-1] == "Followed-Links: 8"


REFUSED: dict[str, tuple[Callable[[Path], str | Path], str]] = {
    "leaves": (lambda _: "../outside/secret", "leaves the source"),
    "leaves absolutely": (lambda source: source.parent / "outside", "leaves the source"),
    "neighbour": (lambda source: f"{source}-neighbour/x", "leaves the source"),
    "broken": (lambda _: "nothing", "broken"),
    "through a file": (lambda _: "a.txt/x", "broken"),
    "self": (lambda _: "self", "leads to itself"),
    "root": (lambda _: ".", "never end"),
    "leaves and comes back": (lambda _: "../way/in", "never end"),
    "device": (lambda _: "/dev/null", "leaves the source"),
}


def test_links_that_cannot_be_followed_are_all_named_and_nothing_is_touched(source: Path) -> None:
    neighbour = source.parent / f"{source.name}-neighbour"
    neighbour.mkdir()
    (neighbour / "x").write_bytes(b"")
    (source.parent / "way").mkdir()
    (source.parent / "way/in").symlink_to(source)
    for name, (target, _) in REFUSED.items():
        (source / name).symlink_to(target(source))
    os.mkfifo(source / "pipe")
    (source / "to pipe").symlink_to("pipe")
    before = sorted(map(str, source.parent.rglob("*")))
    with pytest.raises(UsageError) as error:
        make(source)
    lines = error.value.message.splitlines()
    for name, (_, why) in REFUSED.items():
        assert [line for line in lines if line.startswith(f"{name}: ") and why in line], name
    assert any(line.startswith("to pipe: a device") for line in lines)
    assert sorted(map(str, source.parent.rglob("*"))) == before


def test_all_that_are_refused_are_named_however_many(source: Path) -> None:
    for number in range(200):
        (source / f"link{number:03}").symlink_to("nothing")
    with pytest.raises(UsageError) as error:
        make(source)
    lines = error.value.message.splitlines()[1:]
    assert [line.partition(":")[0] for line in lines] == [f"link{number:03}" for number in range(200)]


def test_folders_that_hold_each_other_end(source: Path) -> None:
    (source / "one").mkdir()
    (source / "two").mkdir()
    (source / "one/two").symlink_to("../two")
    (source / "two/one").symlink_to("../one")
    with pytest.raises(UsageError, match="never end") as error:
        make(source)
    assert "one/two/one" in error.value.message and "two/one/two" in error.value.message


def test_links_that_double_what_there_is_end(source: Path) -> None:
    for number in range(12):
        (source / f"l{number}").mkdir()
        if number:
            (source / f"l{number - 1}/next").symlink_to(f"../l{number}")
    with pytest.raises(UsageError, match="behind 8 others"):
        make(source)


def test_without_the_choice_every_link_is_refused_and_in_place_the_choice_is(source: Path) -> None:
    (source / "link").symlink_to("a.txt")
    with pytest.raises(UsageError, match="link: a symbolic link, which a bag cannot carry"):
        make(source, follow=False)
    with pytest.raises(UsageError, match="in place") as error:
        make(source, in_place=True)
    assert "--to" in error.value.remedy
    assert sorted(path.name for path in source.iterdir()) == ["a.txt", "link", "sub"]


def test_hard_links_are_files_like_any_other(source: Path) -> None:
    os.link(source / "a.txt", source / "again.txt")
    make(source, follow=False)
    assert payload(source)["again.txt"] == b"alpha"


@pytest.mark.parametrize("exchanged", ["link", "folder on the way", "file it means"])
def test_what_is_exchanged_after_it_was_checked_is_never_followed_out(
    source: Path, exchanged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "link").symlink_to("sub/deep/c.txt")
    outside = source.parent / "outside"
    (outside / "c.txt").write_bytes(b"secret")

    def look_and_exchange(*arguments: object) -> object:
        found = survey(*arguments)  # type: ignore[arg-type]
        if exchanged == "link":
            (source / "link").unlink()
            (source / "link").symlink_to(outside / "secret")
        elif exchanged == "folder on the way":
            shutil.rmtree(source / "sub/deep")
            (source / "sub/deep").symlink_to(outside)
        else:
            (source / "sub/deep/c.txt").unlink()
            (source / "sub/deep/c.txt").symlink_to(outside / "secret")
        return found

    monkeypatch.setattr("preserve.bag.making.copying.survey", look_and_exchange)
    if exchanged == "link":
        make(source)
        assert payload(source)["link"] == b"gamma"
    else:
        with pytest.raises(UndeterminedError, match=r"link: it is (gone|no regular file)"):
            make(source)
    made = [path.read_bytes() for path in source.parent.rglob("*") if path.is_file() and "bag" in str(path)]
    assert b"secret" not in made


def test_a_rerun_reads_what_a_link_means_only_if_it_was_changed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "link").symlink_to("a.txt")
    (source / "folder").symlink_to("sub")
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _stop)
        with pytest.raises(KeyboardInterrupt):
            make(source)
    copies = source.parent / ".bag.preserve-partial/bag/data"
    before = {path: path.stat().st_ino for path in copies.rglob("*") if path.is_file()}
    (source / "link").unlink()
    (source / "link").symlink_to("sub/b.txt")
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _stop)
        with pytest.raises(KeyboardInterrupt):
            make(source)
    assert (copies / "link").read_bytes() == b"beta"
    assert {path for path, inode in before.items() if path.stat().st_ino != inode} <= {copies / "link"}
    make(source)
    assert payload(source)["link"] == b"beta" and payload(source)["folder/b.txt"] == b"beta"


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
