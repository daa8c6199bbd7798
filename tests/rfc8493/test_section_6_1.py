"""RFC 8493 §6.1: interoperability; what is allowed and does not survive other systems or other tools."""

import unicodedata

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag, hexed

NFC, NFD = (unicodedata.normalize(form, "data/Núñez").encode() for form in ("NFC", "NFD"))


def _with(bag: Bag, *names: bytes) -> list[tuple[Code, bytes | None]]:
    """What is said of the bag with these files, too."""
    for name in names:
        bag.files[name] = name
        bag.write(name, name)
    bag.manifest()
    return [(finding.code, finding.path) for finding in bag.found()]


def test_section_6_1_1_1_files_that_differ_in_case_only(bag: Bag) -> None:
    said = _with(bag, b"data/Example.txt", b"data/example.txt", b"data/EXAMPLE.TXT", b"data/sub/example.txt")
    assert said == [(Code.NAMES_DIFFER_IN_CASE, b"data/EXAMPLE.TXT")] and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize(("one", "other"), [("É", "é"), ("Straße", "STRASSE"), ("\u212a", "k"), ("Ω", "\u2126")])
def test_section_6_1_1_1_in_any_script(bag: Bag, one: str, other: str) -> None:
    names = sorted(("data/" + name).encode() for name in (one, other))
    assert [path for _, path in _with(bag, *names)] == [names[0]] and bag.outcome() is Outcome.PASS


def test_section_6_1_1_1_folders_too(bag: Bag) -> None:
    assert _with(bag, b"data/SUB/x") == [(Code.NAMES_DIFFER_IN_CASE, b"data/SUB")]


def test_section_6_1_1_2_files_that_differ_in_normalisation_only(bag: Bag) -> None:
    assert _with(bag, NFC, NFD) == [(Code.NAMES_DIFFER_IN_FORM, min(NFC, NFD))]
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 4
    bag.write(NFD, b"tampered")
    assert (Code.DIGEST_MISMATCH, NFD) in bag.seen() and bag.outcome() is Outcome.FAIL, "one does not mask the other"
    (bag.path / NFC.decode()).unlink()
    assert (Code.MISSING, NFC) in bag.seen()


@pytest.mark.parametrize(("listed", "on_disk"), [(NFC, NFD), (NFD, NFC)])
def test_section_6_1_1_3_a_difference_in_normalisation_is_tolerated(bag: Bag, listed: bytes, on_disk: bytes) -> None:
    bag.write(on_disk, b"x")
    bag.manifest(hexed(b"x") + b"  " + listed)
    assert bag.seen() == {(Code.NAME_NORMALISATION, listed)} and bag.outcome() is Outcome.PASS


def test_section_6_1_1_3_manifests_whose_names_differ_in_case_only(bag: Bag) -> None:
    bag.write(b"MANIFEST-SHA256.TXT", (bag.path / "manifest-sha256.txt").read_bytes())
    codes = {code for code, _ in bag.seen()}
    assert Code.NAMES_DIFFER_IN_CASE in codes and Code.MANIFEST_NAME in codes


@pytest.mark.parametrize("character", ["<", ">", ":", '"', "|", "?", "*", "\\", "\t", "\x1f"])
def test_section_6_1_2_characters_that_windows_refuses(bag: Bag, character: str) -> None:
    path = f"data/sub/a{character}b".encode()
    assert _with(bag, path) == [(Code.NAMES_NOT_PORTABLE, path)] and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("name", ["CON", "prn", "Aux.txt", "nul.tar.gz", "COM1", "lpt9.x", "ends.", "ends "])
def test_section_6_1_2_names_that_windows_keeps_for_itself(bag: Bag, name: str) -> None:
    path = b"data/" + name.encode()
    assert _with(bag, path) == [(Code.NAMES_NOT_PORTABLE, path)] and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("name", ["console", "com0", "com10", "a.con", "auxiliary.txt", ".x", "a b", "ខ្មែរ.txt", "x.y"])
def test_section_6_1_2_names_that_are_fine(bag: Bag, name: str) -> None:
    assert not _with(bag, b"data/" + name.encode())


def test_section_6_1_3_lines_of_md5sum_are_read_with_a_warning(bag: Bag) -> None:
    lines = [hexed(b"alpha") + b" *data/a.txt", hexed(b"beta") + b"  ./data/sub/b.txt"]
    bag.manifest(lines=lines)
    assert {(each.code, each.line, each.path) for each in bag.found()} == {
        (Code.FOREIGN_PREFIX, 1, b"data/a.txt"),
        (Code.FOREIGN_PREFIX, 2, b"data/sub/b.txt"),
    }
    assert "strict validation would fail" in bag.found()[0].message
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 2


def test_section_6_1_3_md5sum_s_backslashes_are_read_with_a_warning(bag: Bag) -> None:
    name = b"data/back\\slash\nbreak"
    bag.write(name, b"x")
    bag.manifest(b"\\" + hexed(b"x") + b"  data/back\\\\slash\\nbreak")
    assert (Code.FOREIGN_PREFIX, name) in bag.seen()
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 3
    bag.manifest(b"\\" + hexed(b"y") + b"  data/back\\\\slash\\nbreak")
    assert (Code.DIGEST_MISMATCH, name) in bag.seen()
