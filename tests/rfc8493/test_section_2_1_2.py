"""RFC 8493 §2.1.2: the payload directory, data/."""

import os
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag


def test_section_2_1_2_the_base_directory_contains_data(bag: Bag) -> None:
    bag.files.clear()
    bag.manifest()
    for path in ("data/a.txt", "data/sub/b.txt"):
        (bag.path / path).unlink()
    (bag.path / "data/sub").rmdir()
    assert not bag.seen(), "an empty payload is a payload"
    (bag.path / "data").rmdir()
    assert bag.seen() == {(Code.PAYLOAD_FOLDER_MISSING, b"data")} and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("kind", ["file", "link", "fifo"])
def test_section_2_1_2_data_is_a_directory(bag: Bag, tmp_path: Path, kind: str) -> None:
    (bag.path / "data").rename(tmp_path / "elsewhere")
    match kind:
        case "file":
            bag.write(b"data", b"")
        case "link":
            os.symlink(tmp_path / "elsewhere", bag.path / "data")
        case _:
            os.mkfifo(bag.path / "data")
    assert (Code.WRONG_KIND, b"data") in bag.seen() and bag.outcome() is Outcome.FAIL
    assert bag.validated().payload.good == 0


@pytest.mark.parametrize("name", [b"DATA", b"Data"])
def test_section_2_1_2_the_name_is_data_in_lower_case(bag: Bag, name: bytes) -> None:
    (bag.path / "data").rename(bag.path / os.fsdecode(name))
    assert (Code.PAYLOAD_FOLDER_MISSING, b"data") in bag.seen() and bag.outcome() is Outcome.FAIL


def test_section_2_1_2_payload_files_are_bytes_whatever_they_are_called(bag: Bag) -> None:
    for name in (b"data/bagit.txt", b"data/manifest-sha256.txt", b"data/deep/er/and/deeper/x", b"data/data/x"):
        bag.files[name] = b"\0\xff"
        bag.write(name, b"\0\xff")
    bag.manifest()
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 6
