"""What is allowed and yet a warning, name by name."""

from collections.abc import Iterable

import pytest

from preserve.bag.codes import MEANINGS, Code
from preserve.bag.finding import Finding
from preserve.bag.tags.info import InfoEntry
from preserve.bag.tags.paths import V1_0
from preserve.bag.validating import linting
from preserve.bag.validating.linting import ADVICE, of_folder, of_info


def _said(names: Iterable[bytes], folder: bytes = b"data") -> list[Finding]:
    said: list[Finding] = []
    of_folder(folder, sorted(names), said.append)
    return said


def test_nothing_is_said_of_names_that_are_fine() -> None:
    names = [b"a.txt", b"b/", b".keep", b".x/", "ខ្មែរ".encode(), b"\xff", b"thumbs", b"con_"]
    assert not _said(names) and not _said([]) and not _said([b""])


@pytest.mark.parametrize(
    "name",
    [
        *(b".DS_Store", b".ds_store", b"._a.jpg", b"Thumbs.db", b"THUMBS.DB", b"ehthumbs.db", b"desktop.ini"),
        *(b".Spotlight-V100/", b".Trashes/", b".fseventsd/", b"__MACOSX/", b"$RECYCLE.BIN/", b".AppleDouble/"),
    ],
)
def test_what_an_operating_system_made_for_itself(name: bytes) -> None:
    (finding,) = _said([b"a", name, b"z"])
    assert finding.code is Code.SYSTEM_FILES and finding.path == b"data/" + name.rstrip(b"/")


def test_many_alike_are_one_finding_with_their_number() -> None:
    (finding,) = _said([b"._%03d" % number for number in range(300)])
    assert finding.parameters["count"] == 300 and finding.path == b"data/._000"
    assert finding.message.count("._") == 5 and finding.message.endswith("…")


def test_names_that_are_not_utf8_have_twins_too() -> None:
    assert [finding.code for finding in _said([b"\xffA", b"\xffa"])] == [Code.NAMES_DIFFER_IN_CASE]


def test_each_group_of_twins_is_told_once() -> None:
    names = [b"a", b"A", b"b", b"B", b"c", "é".encode(), "e\u0301".encode(), "É".encode()]
    assert [(finding.code, finding.path) for finding in _said(names)] == [
        (Code.NAMES_DIFFER_IN_CASE, b"data/A"),
        (Code.NAMES_DIFFER_IN_CASE, b"data/B"),
        (Code.NAMES_DIFFER_IN_CASE, "data/e\u0301".encode()),
        (Code.NAMES_DIFFER_IN_FORM, "data/e\u0301".encode()),
    ]


def test_spellings_that_look_the_same_are_told_apart_by_their_bytes() -> None:
    (finding,) = _said(["é".encode(), "e\u0301".encode()])
    assert "c3a9" in finding.message and "65cc81" in finding.message


def test_a_folder_and_a_file_can_be_twins_and_a_folder_that_does_not_survive_windows() -> None:
    assert {finding.code for finding in _said([b"a.", b"A./"])} == {Code.NAMES_DIFFER_IN_CASE, Code.NAMES_NOT_PORTABLE}


def test_a_bag_within_the_payload() -> None:
    assert [(each.code, each.path) for each in _said([b"bagit.txt", b"data/"], b"data/x")] == [
        (Code.BAG_IN_BAG, b"data/x")
    ]
    assert not _said([b"bagit.txt", b"data/"], b""), "the bag itself"


def test_metadata_that_stands_twice_before_1_0_is_no_matter() -> None:
    entries = [
        InfoEntry(1, "Bagging-Date", "x"),
        InfoEntry(2, "Bagging-Date", "y"),
        InfoEntry(3, "Payload-Oxum", "1.1"),
    ]
    assert not list(of_info(entries, (0, 97)))
    assert [finding.code for finding in of_info(entries, V1_0)] == [Code.INFO_REPEATED]


def test_advice_never_changes_an_outcome_and_everything_said_here_has_a_remedy() -> None:
    names = {Code.NAMES_DIFFER_IN_CASE, Code.NAMES_DIFFER_IN_FORM, Code.NAMES_NOT_PORTABLE, Code.SYSTEM_FILES}
    for code in ADVICE | names | {Code.BAG_IN_BAG, Code.INFO_REPEATED, Code.BAG_COUNT_ALONE}:
        assert MEANINGS[code].outcome == "pass" and MEANINGS[code].severity == "warning" and MEANINGS[code].remedy


def test_nothing_is_said_of_a_hundred_thousand_good_names() -> None:
    assert not _said(f"ថត-{number:06}.jpg".encode() for number in range(100_000))


def test_twins_are_found_in_a_folder_too_large_to_be_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linting, "_AT_ONCE", 3)
    names = [b"A.txt", b"b", b"c", b"caf\xc3\xa9", b"cafe\xcc\x81", b"d/", b"a.TXT", b"e", b".DS_Store"]
    said: list[Finding] = []
    of_folder(b"data", names, said.append)
    assert {finding.code for finding in said} == {
        Code.NAMES_DIFFER_IN_CASE,
        Code.NAMES_DIFFER_IN_FORM,
        Code.SYSTEM_FILES,
    }
