"""The drafts' §4, serialisation (RFC 8493 has none): each rule, as an archive that keeps it and one that does not."""

from pathlib import Path
from typing import Protocol

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.serialised import BAG, IN_FOLDER, judged, seen, tar, written, zipped


class Maker(Protocol):
    """Makes an archive of these files; without any, of a good bag."""

    def __call__(self, files: dict[str, bytes] = ..., /) -> bytes: ...


MAKERS: dict[str, Maker] = {"bag.tar": tar, "bag.zip": zipped}
each_format = pytest.mark.parametrize("name", MAKERS)


@each_format
def test_the_rules_apply_equally_to_all_types_of_archive_files(tmp_path: Path, name: str) -> None:
    assert judged(written(tmp_path, MAKERS[name](), name)).outcome is Outcome.PASS


@each_format
def test_the_top_level_of_a_serialization_holds_only_one_bag(tmp_path: Path, name: str) -> None:
    two = {**IN_FOLDER, **{"other/" + path: content for path, content in BAG.items()}}
    path = written(tmp_path, MAKERS[name](two), name)
    assert seen(path) == {(Code.ARCHIVE_TOP, None)} and judged(path).outcome is Outcome.FAIL


@each_format
def test_nothing_stands_beside_the_base_directory(tmp_path: Path, name: str) -> None:
    """After deserialization into an empty directory, a listing of it shows exactly one entry."""
    beside = {**IN_FOLDER, "__MACOSX/._bag": b""}
    assert seen(written(tmp_path, MAKERS[name](beside), name)) == {(Code.ARCHIVE_TOP, None)}


@each_format
def test_a_bag_is_not_serialized_from_within_its_base_directory(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, MAKERS[name](BAG), name)
    assert seen(path) == {(Code.ARCHIVE_TOP, None)} and judged(path).outcome is Outcome.FAIL


@each_format
def test_the_serialization_should_have_the_name_of_the_base_directory(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, MAKERS[name](), "another-" + name)
    assert seen(path) == {(Code.ARCHIVE_NAME, None)} and judged(path).outcome is Outcome.PASS


@each_format
@pytest.mark.parametrize("extension", ["", ".bag", ".tar.gz"])
def test_the_serialization_must_have_an_extension_that_identifies_the_format(
    tmp_path: Path, name: str, extension: str
) -> None:
    path = written(tmp_path, MAKERS[name](), "bag" + extension)
    assert seen(path) == {(Code.ARCHIVE_EXTENSION, None)} and judged(path).outcome is Outcome.FAIL


@each_format
def test_the_base_directory_itself_is_the_bag_without_further_unpacking(tmp_path: Path, name: str) -> None:
    deeper = {"bag/" + path: content for path, content in IN_FOLDER.items()}
    assert (Code.NOT_A_BAG, None) in seen(written(tmp_path, MAKERS[name](deeper), name))
    nested = {"bag/" + name: MAKERS[name]()}
    assert (Code.NOT_A_BAG, None) in seen(written(tmp_path, MAKERS[name](nested), name))
