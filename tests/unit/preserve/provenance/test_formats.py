"""Identification of formats, with siegfried where it is installed."""

import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from preserve.provenance.formats import UNKNOWN, Format, NoIdentifier, PronomIdentifier, identifier

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\0IEND\xaeB`\x82"
GARBLED = b"\x01\x02\x00\xff\xfe\x03" * 50


@pytest.fixture
def folder(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path)


@pytest.fixture(scope="module")
def pronom() -> PronomIdentifier:
    return PronomIdentifier(pytest.importorskip("pygfried"))


def file(folder: bytes, name: bytes, content: bytes) -> bytes:
    path = os.path.join(folder, name)
    with open(path, "wb") as stream:
        stream.write(content)
    return path


def test_a_png_is_known_by_its_signature(pronom: PronomIdentifier, folder: bytes) -> None:
    found = pronom.identify(file(folder, b"a.png", PNG))
    assert found == Format(name="Portable Network Graphics", version="1.0", registry_key="fmt/11")
    assert found.identified


@pytest.mark.parametrize("name", [b"\xff\xfe.png", "រូបភាព.png".encode(), b"new\nline.png", b"q?u#%41.png"])
def test_any_name_will_do(pronom: PronomIdentifier, folder: bytes, name: bytes) -> None:
    found = pronom.identify(file(folder, name, PNG))
    assert found == Format(name="Portable Network Graphics", version="1.0", registry_key="fmt/11")


@pytest.mark.parametrize("name", [b"x", b"x.", b"x.\xff", b"x." + b"y" * 200])
def test_a_suffix_that_is_none_does_no_harm(pronom: PronomIdentifier, folder: bytes, name: bytes) -> None:
    found = pronom.identify(file(folder, name, PNG))
    assert found is not None
    assert (found.registry_key, found.note) == ("fmt/11", "extension mismatch")


def test_a_wrong_suffix_does_not_deceive_and_is_told(pronom: PronomIdentifier, folder: bytes) -> None:
    found = pronom.identify(file(folder, b"a.pdf", PNG))
    assert found is not None
    assert (found.registry_key, found.note, found.tentative) == ("fmt/11", "extension mismatch", False)


def test_what_only_the_suffix_says_is_tentative(pronom: PronomIdentifier, folder: bytes) -> None:
    found = pronom.identify(file(folder, b"a.csv", b"a,b\n1,2\n"))
    assert found is not None
    assert (found.registry_key, found.tentative) == ("x-fmt/18", True)
    assert found.note == "tentative identification: match on extension only"


def test_what_matches_nothing_is_unknown(pronom: PronomIdentifier, folder: bytes) -> None:
    assert pronom.identify(file(folder, b"garbled", GARBLED)) is None
    assert pronom.identify(file(folder, b"garbled.doc", GARBLED)) is None


@pytest.mark.parametrize("name", [b"empty", b"empty.txt", b"empty.png"])
def test_an_empty_file_is_unknown_whatever_its_name(pronom: PronomIdentifier, folder: bytes, name: bytes) -> None:
    assert pronom.identify(file(folder, name, b"")) is None


def test_what_cannot_be_read_is_not_examined_rather_than_unknown(pronom: PronomIdentifier, folder: bytes) -> None:
    assert pronom.identify(os.path.join(folder, b"missing")) == Format(
        name=UNKNOWN, note="could not be examined: No such file or directory"
    )
    assert pronom.identify(folder) == Format(name=UNKNOWN, note="could not be examined: not a regular file")
    impossible = pronom.identify(b"nul\0l")
    assert impossible is not None
    assert impossible.note.startswith("could not be examined: ")


def test_no_link_is_followed_and_no_fifo_waited_on(pronom: PronomIdentifier, folder: bytes) -> None:
    target = file(folder, b"a.png", PNG)
    link, fifo = os.path.join(folder, b"link.png"), os.path.join(folder, b"fifo.png")
    os.symlink(target, link)
    os.mkfifo(fifo)
    for found in pronom.identify_many([link, fifo]):
        assert found is not None
        assert not found.identified
        assert found.note.startswith("could not be examined")


def test_a_broken_container_is_not_examined_and_no_path_of_ours_is_told(
    pronom: PronomIdentifier, folder: bytes
) -> None:
    found = pronom.identify(file(folder, b"a.xlsx", b"PK\3\4 junk"))
    assert found == Format(name=UNKNOWN, note="could not be examined: zip: not a valid zip file")


def test_many_come_in_the_order_given_and_leave_nothing_behind(
    pronom: PronomIdentifier, folder: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    paths = [file(folder, b"%d" % i, (PNG, GARBLED, b"")[i % 3]) for i in range(200)]
    gc.collect()  # what tests before this one left to be collected must not go meanwhile
    descriptors = len(os.listdir("/proc/self/fd"))
    keys = [found and found.registry_key for found in pronom.identify_many(paths)]
    assert keys == [("fmt/11", None, None)[i % 3] for i in range(200)]
    assert list(temporary.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert pronom.identify_many([]) == []


def test_threads_may_ask_at_the_same_time(pronom: PronomIdentifier, folder: bytes) -> None:
    paths = [file(folder, b"%d" % i, PNG if i % 2 else GARBLED) for i in range(100)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(pronom.identify, paths))
    assert [each is not None for each in found] == [bool(i % 2) for i in range(100)]


def test_the_software_names_its_version_and_signatures(pronom: PronomIdentifier) -> None:
    software = pronom.software
    assert software.name == "siegfried"
    assert software.version[0].isdigit()
    assert "DROID_SignatureFile_V" in software.signatures
    assert str(software).startswith(f"siegfried {software.version} / PRONOM DROID_SignatureFile_V")


def test_without_pygfried_nothing_is_known(monkeypatch: pytest.MonkeyPatch, folder: bytes) -> None:
    monkeypatch.setitem(sys.modules, "pygfried", None)
    none = identifier()
    assert isinstance(none, NoIdentifier)
    assert none.software is None
    assert none.identify(file(folder, b"a.png", PNG)) is None
    assert none.identify_many([b"a", b"b"]) == [None, None]


def test_with_pygfried_it_is_asked() -> None:
    pytest.importorskip("pygfried")
    assert isinstance(identifier(), PronomIdentifier)


def match(key: str, name: str, version: str = "", warning: str = "") -> dict[str, str]:
    return {"id": key, "format": name, "version": version, "warning": warning}


def answering(*matches: dict[str, str], errors: str = "") -> PronomIdentifier:
    def identify_many(paths: list[str], *, workers: int) -> dict[str, Any]:
        return {"files": [{"filename": path, "errors": errors, "matches": list(matches)} for path in paths]}

    return PronomIdentifier(SimpleNamespace(identify_many=identify_many))  # type: ignore[arg-type]


def test_several_formats_are_told_and_none_is_chosen(folder: bytes) -> None:
    both = answering(match("fmt/1", "A", "1.0"), match("fmt/2", "B"), match("UNKNOWN", ""))
    found = both.identify(file(folder, b"a", b"x"))
    assert found == Format(name=UNKNOWN, note="ambiguous: fmt/1 A 1.0 or fmt/2 B")
    assert not found.identified


def test_trouble_beside_a_match_is_noted(folder: bytes) -> None:
    found = answering(match("fmt/1", "A", warning="extension mismatch"), errors="short").identify(
        file(folder, b"a", b"x")
    )
    assert found == Format(name="A", registry_key="fmt/1", note="extension mismatch; short")
