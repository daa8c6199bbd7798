"""Where a copy comes to stand: names as long as can be, and a source that is reached by another way."""

import os
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.bag.making.request import BagRequest, Written
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import PreserveError, UsageError

INFO: tuple[tuple[str, str | None], ...] = (("Payload-Oxum", None), ("Package-UUID", None))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    return folder


def make(source: Path, target: Path) -> Written:
    return write_bag(BagRequest(sources=(os.fsencode(source),), target=os.fsencode(target), info=INFO))


@pytest.mark.parametrize("length", [237, 238, 255])
def test_a_target_may_have_the_longest_name_that_there_is(source: Path, length: int) -> None:
    made = make(source, source.parent / ("x" * length))
    assert validate(made.bag).outcome is Outcome.PASS
    assert len(list(source.parent.iterdir())) == 2


def test_a_longer_one_is_refused_before_anything_is_made(source: Path) -> None:
    with pytest.raises(PreserveError, match="File name too long"):
        make(source, source.parent / ("x" * 256))
    assert list(source.parent.iterdir()) == [source]


@pytest.mark.parametrize("below", ["", "bag", "sub/bag"])
def test_a_target_in_the_source_is_refused_by_whatever_links_lead_there(source: Path, below: str) -> None:
    (source.parent / "link").symlink_to(source)
    with pytest.raises(UsageError, match="lies in the source"):
        make(source, source.parent / "link" / below)
    assert sorted(path.name for path in source.iterdir()) == ["a.txt", "sub"]


def test_a_target_in_the_source_is_refused_where_a_mount_leads_there(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `mount --bind` does it: another path, and the same folder."""
    (source.parent / "mounted").mkdir()
    lines = [
        f"1 0 8:1 / {source.parent} rw - ext4 /dev/x rw",
        f"2 1 8:1 /source/sub {source.parent}/mounted rw - ext4 /dev/x rw",
    ]
    table = source.parent / "mountinfo"
    table.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("preserve.stores.nesting._MOUNTS", str(table))
    with pytest.raises(UsageError, match="lies in the source"):
        make(source, source.parent / "mounted/bag")
    assert make(source, source.parent / "bag").file_count == 1
