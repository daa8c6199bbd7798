"""Patterns of what is left out, and what a bag then says of itself."""

import os
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.making.ignoring import SYSTEM_FILES, Ignoring
from preserve.bag.making.request import BagRequest, Written
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UsageError

INFO: tuple[tuple[str, str | None], ...] = (("Payload-Oxum", None), ("Package-UUID", None))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name in ("a.txt", ".DS_Store", "sub/.DS_Store", "sub/b.txt", "sub/cache/x", "sub/cache/deep/y", "cache"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def make(source: Path, *patterns: bytes, in_place: bool = False) -> Written:
    target = None if in_place else os.fsencode(source.parent / "bag")
    return write_bag(BagRequest(sources=(os.fsencode(source),), target=target, info=INFO, ignore=patterns))


def payload(bag: Path) -> set[str]:
    return {str(path.relative_to(bag / "data")) for path in (bag / "data").rglob("*") if path.is_file()}


def told(bag: Path) -> list[str]:
    return (bag / "bag-info.txt").read_text().splitlines()[2:]


@pytest.mark.parametrize(
    ("pattern", "path", "meets"),
    [
        (b".DS_Store", b".DS_Store", True),
        (b".DS_Store", b"deep/down/.DS_Store", True),
        (b".DS_Store", b"my.DS_Store", False),
        (b"*.tmp", b"a/b.tmp", True),
        (b"*.tmp", b"a.tmp/b", False),  # the folder meets it, and its files are never asked for
        (b"[Tt]humbs.db", b"x/thumbs.db", True),
        (b"[!a]x", b"ax", False),
        (b"scans/cache", b"scans/cache", True),
        (b"scans/cache", b"more/scans/cache", False),
        (b"/cache", b"cache", True),
        (b"/cache", b"sub/cache", False),
        (b"scans/*/cache", b"scans/1975/cache", True),
        (b"scans/*/cache", b"scans/1975/may/cache", False),
        (b"scans/**/cache", b"scans/cache", True),
        (b"scans/**/cache", b"scans/1975/may/cache", True),
        (b"**/old/**/x", b"a/old/old/b/x", True),
        (b"a/**", b"a/b/c", True),
        (b"a/**", b"b/a", False),
        ("ខ*".encode(), "x/ខ្មែរ".encode(), True),
        (b"?", "ខ".encode(), False),  # three bytes
        (b"*\xff", b"x/no text\xff", True),
        (b"line*end", b"line\nend", True),
        (b"a.c", b"abc", False),
    ],
)
def test_a_pattern_is_met_by_names_anywhere_or_by_whole_paths(pattern: bytes, path: bytes, meets: bool) -> None:
    assert Ignoring([b"never", pattern, b"never/ever"]).pattern_of(path) == (pattern if meets else None)


def test_many_stars_take_no_time() -> None:
    assert Ignoring([b"/".join([b"**", b"a"] * 40) + b"/x"]).pattern_of(b"/".join([b"a"] * 200)) is None


@pytest.mark.parametrize("pattern", [b"", b"/", b"cache/", b"a//b", b"../x", b"a/./b", b"a\0"])
def test_what_can_be_no_pattern_is_refused_before_anything_is_touched(source: Path, pattern: bytes) -> None:
    for in_place in (False, True):
        with pytest.raises(UsageError, match="no pattern"):
            make(source, pattern, in_place=in_place)
    assert not (source.parent / "bag").exists() and not (source / ".preserve-bagging").exists()


def test_what_was_left_out_is_counted_in_bag_info_and_named_in_warnings(source: Path) -> None:
    made = make(source, b".DS_Store", b"sub/cache", b"*.none")
    bag = source.parent / "bag"
    assert payload(bag) == {"a.txt", "sub/b.txt", "cache"}
    assert told(bag) == [
        *("Ignored-Pattern: .DS_Store", "Ignored-Pattern: sub/cache", "Ignored-Pattern: *.none", "Ignored-Files: 4"),
    ]
    assert {(w.code, w.path, w.parameters["pattern"]) for w in made.warnings} == {
        (Code.PATTERN_MET_NOTHING, None, "*.none"),
        (Code.IGNORED, b".DS_Store", ".DS_Store"),
        (Code.IGNORED, b"sub/.DS_Store", ".DS_Store"),
        (Code.IGNORED, b"sub/cache/x", "sub/cache"),
        (Code.IGNORED, b"sub/cache/deep/y", "sub/cache"),
    }
    found = validate(os.fsencode(bag))
    assert found.outcome is Outcome.PASS and not list(found.findings)


def test_what_no_bag_can_carry_is_no_obstacle_where_it_is_left_out(source: Path) -> None:
    (source / "odd").symlink_to("nowhere")
    os.mkfifo(source / "sub/pipe.odd")
    Path(os.fsdecode(os.fsencode(source) + b"/\xff.odd")).write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be bagged as it is"):
        make(source)
    made = make(source, b"odd", b"*.odd")
    assert told(source.parent / "bag")[-1] == "Ignored-Files: 3"
    assert {w.path for w in made.warnings if w.code is Code.IGNORED} == {b"odd", b"sub/pipe.odd", b"\xff.odd"}


def test_a_pattern_that_is_no_line_of_text_is_written_with_codes(source: Path) -> None:
    make(source, b"a\nb", b"\xff*", "ខ្មែរ".encode())
    assert told(source.parent / "bag") == [
        *("Ignored-Pattern: a\\x0ab", "Ignored-Pattern: \\xff*", "Ignored-Pattern: ខ្មែរ", "Ignored-Files: 0"),
    ]


def test_a_folder_of_which_all_is_left_out_is_an_empty_one(source: Path) -> None:
    made = make(source, b"x", b"y", b"deep")
    assert (Code.EMPTY_FOLDER, b"sub/cache") in {(w.code, w.path) for w in made.warnings}


def test_system_files_are_known_by_these_patterns() -> None:
    system = Ignoring(SYSTEM_FILES)
    for name in (".DS_Store", "._photo.jpg", "Thumbs.db", "thumbs.db", "desktop.ini", ".Trashes", "$RECYCLE.BIN"):
        assert system.pattern_of(b"deep/" + name.encode())
    for name in ("DS_Store", "my_thumbs.db", "photo._jpg", "Trashes", ".hidden", ".keep", ".git"):
        assert system.pattern_of(b"deep/" + name.encode()) is None


def test_in_place_nothing_is_ever_taken_out_of_the_source(source: Path) -> None:
    before = sorted(map(str, source.rglob("*")))
    with pytest.raises(UsageError, match=r"sub/\.DS_Store") as error:
        make(source, b".DS_Store", in_place=True)
    assert "--to" in error.value.remedy and sorted(map(str, source.rglob("*"))) == before
    made = make(source, b"*.none", in_place=True)
    assert told(source) == ["Ignored-Pattern: *.none", "Ignored-Files: 0"]
    assert Code.IGNORED not in {w.code for w in made.warnings}


def test_other_patterns_in_a_rerun_take_back_what_was_copied(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.tagwriting.TagWriter.write", _stop)
        with pytest.raises(KeyboardInterrupt):
            make(source)
    make(source, b".DS_Store")
    assert ".DS_Store" not in {path.rpartition("/")[2] for path in payload(source.parent / "bag")}
    assert validate(os.fsencode(source.parent / "bag")).outcome is Outcome.PASS


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
