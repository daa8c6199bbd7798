"""What is told of a bag that is not whole, or not where it was looked for: where to look, and no more than is known."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.opinions.opinion import Opinion, Word, with_algorithms
from preserve.bag.opinions.second_opinion import ask
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import validate
from preserve.errors import UsageError
from tests.unit.preserve.bag.bags import Bag
from tests.unit.preserve.bag.serialised import BAG, BLOCK, IN_FOLDER, judged, seen, tar, why, written, zipped

OXUM = {"bag/bag-info.txt": b"Payload-Oxum: 9.2\n"}


@pytest.fixture
def bag(tmp_path: Path) -> Bag:
    return Bag(tmp_path / "bag")


def not_a_bag(path: Path) -> str:
    (told,) = validate(os.fsencode(path)).findings
    assert told.code is Code.NOT_A_BAG
    return told.message


def message(bag: Bag, code: Code) -> str:
    (told,) = [finding.message for finding in bag.found() if finding.code is code]
    return told


def ordered(*first: str) -> dict[str, bytes]:
    """The bag's files with these at the beginning of the archive."""
    files = IN_FOLDER | OXUM
    return {name: files[name] for name in (*first, *(name for name in files if name not in first))}


TAGS = ("bag/bagit.txt", "bag/manifest-sha256.txt", "bag/bag-info.txt")


def test_what_lies_behind_the_cut_of_a_tar_is_not_called_missing(tmp_path: Path) -> None:
    path = written(tmp_path, tar(ordered(*TAGS, "bag/data/a.txt"))[: 8 * BLOCK + 100])
    assert seen(path) == {(Code.ARCHIVE_DAMAGED, None), (Code.ARCHIVE_NOT_REACHED, None)}
    result = judged(path)
    assert result.outcome is Outcome.FAIL and result.verdict == "invalid"
    assert (result.payload.good, result.payload.bad, result.payload.unread) == (1, 0, 1)


def test_a_cut_before_bagit_txt_does_not_make_it_no_bag(tmp_path: Path) -> None:
    path = written(tmp_path, tar(ordered("bag/data/a.txt", "bag/data/sub/b.txt"))[: 4 * BLOCK + 100])
    assert seen(path) == {(Code.ARCHIVE_DAMAGED, None), (Code.ARCHIVE_NOT_REACHED, None)}


def test_what_was_reached_is_judged_all_the_same(tmp_path: Path) -> None:
    files = ordered(*TAGS, "bag/data/a.txt") | {"bag/data/a.txt": b"ALPHA"}
    path = written(tmp_path, tar(files)[: 8 * BLOCK + 100])
    assert (Code.DIGEST_MISMATCH, b"data/a.txt") in seen(path)


@pytest.mark.parametrize("depth", [Depth.FAST, Depth.COMPLETENESS])
def test_no_depth_calls_missing_what_a_compressed_tar_had_behind_its_cut(tmp_path: Path, depth: Depth) -> None:
    files = ordered(*TAGS, "bag/data/a.txt") | {"bag/data/sub/b.txt": os.urandom(9_000)}
    packed = gzip.compress(tar(files), mtime=0)
    path = written(tmp_path, packed[: len(packed) // 4], "bag.tar.gz")
    codes = {finding.code for finding in validate(os.fsencode(path), depth=depth).findings}
    assert Code.ARCHIVE_DAMAGED in codes and not codes & {Code.MISSING, Code.OXUM_MISMATCH, Code.NOT_A_BAG}


def test_a_tar_that_is_cut_between_members_is_neither_whole_nor_incomplete(tmp_path: Path) -> None:
    path = written(tmp_path, tar(ordered(*TAGS, "bag/data/a.txt"))[: 8 * BLOCK])
    assert seen(path) == {(Code.ARCHIVE_END_MISSING, None), (Code.ARCHIVE_NOT_REACHED, None)}
    assert judged(path).outcome is Outcome.INCONCLUSIVE


def test_names_with_backslashes_are_told_as_such(tmp_path: Path) -> None:
    files = {name.replace("/", "\\"): content for name, content in IN_FOLDER.items()}
    told = why(written(tmp_path, zipped(files), "bag.zip"), Code.ARCHIVE_TOP)
    assert "4 entries (bag\\\\bagit.txt, " in told and "backslashes where slashes should" in told


def test_where_a_windows_program_wrote_backslashes_nothing_is_called_empty(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.filename, info.create_system = "bag\\bagit.txt", 0
    path = written(tmp_path, zipped({}, more=((info, BAG["bagit.txt"]),)), "bag.zip")
    assert "no member of the archive can be unpacked" in why(path, Code.NOT_A_BAG)
    assert "backslashes" in why(path, Code.UNSAFE_MEMBER)


def test_what_macos_adds_is_named_and_the_bag_is_judged(tmp_path: Path) -> None:
    path = written(tmp_path, zipped(IN_FOLDER | {"__MACOSX/._bag": b"x"}), "bag.zip")
    told = why(path, Code.ARCHIVE_TOP)
    assert "2 entries (__MACOSX/, bag/), one of them a bag (bag)" in told and "macOS adds" in told
    assert judged(path).payload.good == 2


def test_of_several_bags_the_first_five_are_named(tmp_path: Path) -> None:
    files = {f"{number}/bagit.txt": BAG["bagit.txt"] for number in range(7)}
    told = why(written(tmp_path, zipped(files), "bag.zip"), Code.ARCHIVE_TOP)
    assert "7 entries (0/, 1/, 2/, 3/, 4/ and 2 more), 7 of them bags (0, 1, 2, 3, 4 and 2 more)" in told


def test_a_data_folder_in_capitals_is_named(bag: Bag) -> None:
    (bag.path / "data").rename(bag.path / "Data")
    assert "there is Data/" in message(bag, Code.PAYLOAD_FOLDER_MISSING)


def test_without_any_payload_manifest_no_file_is_called_untracked(bag: Bag) -> None:
    (bag.path / "manifest-sha256.txt").unlink()
    assert bag.seen() == {(Code.MANIFEST_MISSING, None)}


def test_who_names_a_folder_of_the_bag_is_told_which_the_bag_is(bag: Bag) -> None:
    assert f"one folder higher, so that the bag is {bag.path}" in not_a_bag(bag.path / "data")


def test_who_names_the_folder_above_is_told_which_folders_are_bags(tmp_path: Path) -> None:
    for name in ("b", "a"):
        Bag(tmp_path / name)
    (tmp_path / "c").mkdir()
    assert not_a_bag(tmp_path).endswith("in it these folders are bags: a, b")


def test_a_bag_begun_in_place_is_told_as_unfinished(tmp_path: Path) -> None:
    (tmp_path / "half" / ".preserve-bagging").mkdir(parents=True)
    assert "run the same `preserve bag --in-place` command again" in not_a_bag(tmp_path / "half")


def test_a_missing_file_that_can_be_fetched_says_from_where(bag: Bag) -> None:
    (bag.path / "data/a.txt").unlink()
    bag.write(b"fetch.txt", b"https://example.org/b 4 data/sub/b.txt\nhttps://example.org/a 5 data/a.txt\n")
    assert "the URL in fetch.txt line 2 (preserve itself never fetches)" in message(bag, Code.MISSING)


@pytest.mark.parametrize(
    ("cause", "told"),
    [("EACCES", "permission denied (EACCES)"), ("EIO", "input/output error (EIO)"), ("damaged", "read: damaged;")],
)
def test_codes_of_the_system_are_told_in_plain_words(cause: str, told: str) -> None:
    finding = Finding(code=Code.UNREADABLE, parameters={"cause": cause})
    assert told in finding.message and finding.parameters == {"cause": cause}


def test_a_fast_validation_says_plainly_what_it_looked_at(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"Payload-Oxum: 9.2\n")
    path = os.fsencode(bag.path)
    assert validate(path, depth=Depth.FAST).verdict == "as large as its bag-info.txt says (its files were not read)"
    bag.write(b"data/a.txt", b"alphabet")
    result = validate(path, depth=Depth.FAST)
    assert result.verdict == "not as large as its bag-info.txt says"
    (told,) = [finding.message for finding in result.findings if finding.code is Code.OXUM_MISMATCH]
    assert told.endswith("the payload has 12 bytes in 2 files; Payload-Oxum says 9 bytes in 2 files")


def test_a_place_where_nothing_is_comes_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        validate(os.fsencode(tmp_path / "nothing"))
    assert caught.value.remedy


def test_an_agreement_names_the_algorithms_where_it_is_not_of_all(bag: Bag) -> None:
    asked = Opinion(tool="t", verdict=Word.VALID, agrees=True)
    assert with_algorithms(asked, ["sha256"], {"sha256", "sha512"}) is asked
    told = with_algorithms(asked, ["sha256", "blake3"], {"sha256"})
    assert told.looked_at == ("sha256",) and "not at blake3" in told.explanations[0]


def test_the_other_tool_says_itself_which_manifests_it_found(bag: Bag) -> None:
    import blake3

    digests = [blake3.blake3(text).hexdigest().encode() + b"  " + name for name, text in sorted(bag.files.items())]
    bag.manifest(algorithm="blake3", lines=digests)
    path = os.fsencode(bag.path)
    opinion = ask(path, validate(path))
    assert opinion.agrees and opinion.looked_at == ("sha256",)
