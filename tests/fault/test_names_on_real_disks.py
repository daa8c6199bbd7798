"""What real file systems make of names is told before a byte is copied to them."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from preserve.errors import UsageError
from preserve.replicate.fitting import refuse_too_large, refuse_unfit
from preserve.stores.file_sizes import FAT_BYTES, most_bytes_of_a_file, too_large
from preserve.stores.identity import IDENTITY_FILE
from preserve.stores.local_replica import LocalReplica
from preserve.stores.naming_trials import unfit
from tests.support.file_systems import kinds_here, mounted

NAMES = [
    *(b"box/data/plain.tif", b"box/data/Page 1.tif", b"box/data/page 1.tif", "box/data/été.tif".encode()),
    *(b"box/data/" + unicodedata.normalize("NFD", "été").encode() + b".tif", b"box/data/a:b", b"box/data/what?"),
    *(b'box/data/"said"', b"box/data/dot.", b"box/data/space ", b"box/data/con", b"box/data/\xff\xfe"),
    *(b"box/data/new\nline", "box/data/ទំព័រ.tif".encode(), b"box/data/" + b"x" * 256, b"box/DATA/other.tif"),
]  # fmt: skip


@pytest.fixture(params=kinds_here())
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with mounted(request.param, tmp_path) as root:
        (root / ".preserve").mkdir()
        (root / os.fsdecode(IDENTITY_FILE)).write_text("{}")
        yield root


def what_it_does(root: Path, names: list[bytes]) -> set[bytes]:
    """Those that cannot be made there, or not beside the others, or are listed otherwise: tried in the plain way."""
    wrong, made = set(), dict[Path, bytes]()
    for name in names:
        path = root / os.fsdecode(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                wrong |= {name, *(other for known, other in made.items() if known.samefile(path))}
                continue
            path.touch()
            made[path] = name
        except OSError:
            wrong.add(name)
            continue
        listed = {os.fsencode(each.relative_to(root)) for each in root.rglob("*")}
        if name not in listed:
            wrong.add(name)
    return wrong


def test_just_those_names_are_told_that_the_disk_does_not_hold_as_they_are(disk: Path) -> None:
    told = unfit(os.fsencode(disk), NAMES)
    assert os.listdir(disk / ".preserve") == ["identity.json"], "nothing of the trial is left"
    single = [name for name in NAMES if not name.startswith(b"box/DATA")]
    assert {name for name in told if name in single} - {NAMES[0]} >= what_it_does(disk, single)
    assert all(told.values())
    assert NAMES[1] in told and NAMES[2] in told, "these two are one there"
    assert b"box/DATA/other.tif" in told, "its folder is another one's"


def test_a_disk_that_folds_case_tells_of_a_folder_that_stands_there_under_another_case(disk: Path) -> None:
    (disk / "box").mkdir()
    told = unfit(os.fsencode(disk), [b"BOX/data/a.tif"])
    assert told[b"BOX/data/a.tif"]
    assert unfit(os.fsencode(disk), [b"box/data/a.tif"]) == {}


def test_plain_names_are_fit(disk: Path) -> None:
    assert unfit(os.fsencode(disk), [b"letters/data/1975/page-017.jpg", b"letters/bagit.txt"]) == {}


def test_a_package_with_such_names_is_refused_with_the_names_before_anything_is_written(disk: Path) -> None:
    before = sorted(disk.rglob("*"))
    with pytest.raises(UsageError, match="the replica stick cannot hold these names as they are"):
        refuse_unfit(LocalReplica(os.fsencode(disk)), lambda: [b"box/data/Page 1.tif", b"box/data/page 1.tif"], "stick")
    assert sorted(disk.rglob("*")) == before


def test_fat_takes_no_file_of_four_gigabytes(disk: Path) -> None:
    root = os.fsencode(disk)
    if "fat" not in disk.name or disk.name == "exfat":
        assert most_bytes_of_a_file(root) > 1 << 40
        return
    assert most_bytes_of_a_file(root) == FAT_BYTES
    refuse_too_large(LocalReplica(root), [7, FAT_BYTES, 1], "stick")
    with pytest.raises(UsageError, match=r"the replica stick: .* is larger than what the file system"):
        refuse_too_large(LocalReplica(root), [7, FAT_BYTES + 1, 1], "stick")
    assert too_large(root, FAT_BYTES) is None
    assert "4,294,967,295 bytes" in str(too_large(root, 4 << 30)) and "(FAT)" in str(too_large(root, 4 << 30))
