"""`preserve validate` and `preserve add` on an archive, as they are typed."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.unit.preserve.bag.serialised import IN_FOLDER, header, tar, written, zipped

ROOT = Path(__file__).resolve().parents[2]


def preserve(*arguments: str | Path, cwd: Path) -> tuple[int, str, str]:
    """(exit status, standard output, standard error)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PRESERVE_CONFIG", None)
    command = [sys.executable, "-m", "preserve", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("name", "content", "serialisation"),
    [
        ("bag.tar", tar(), "tar"),
        ("bag.tgz", tar(mode="w:gz"), "tar, gzip"),
        ("bag.tar.bz2", tar(mode="w:bz2"), "tar, bzip2"),
        ("bag.tar.xz", tar(mode="w:xz"), "tar, xz"),
        ("bag.zip", zipped(), "zip"),
    ],
)
def test_a_valid_archive_ends_with_0_and_its_kind_is_told(
    tmp_path: Path, name: str, content: bytes, serialisation: str
) -> None:
    written(tmp_path, content, name)
    status, out, err = preserve("validate", name, "--json", cwd=tmp_path)
    document = json.loads(out)
    assert (status, document["verdict"], document["facts"]["serialisation"]) == (0, "valid", serialisation), err
    assert document["counts"]["good"] == 2
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (tar({**IN_FOLDER, "../evil": b""}), 1, "unsafe-member"),
        (tar()[:1100], 1, "archive-damaged"),
        (tar(raw=header("x", kind=b"x", size=8 << 30)), 3, "archive-beyond-limit"),
        (b"no archive", 1, "archive-damaged"),
        (b"", 1, "not-a-bag"),
    ],
)
def test_a_hostile_archive_ends_with_its_finding(tmp_path: Path, content: bytes, status: int, code: str) -> None:
    written(tmp_path, content)
    ended, out, err = preserve("validate", "bag.tar", "--json", cwd=tmp_path)
    assert ended == status and code in [line["code"] for line in json.loads(out)["findings"]]
    assert "Traceback" not in err and [each.name for each in tmp_path.iterdir()] == ["bag.tar"]


def test_what_to_do_is_said_in_words(tmp_path: Path) -> None:
    written(tmp_path, tar({**IN_FOLDER, "../evil": b""}))
    status, out, _ = preserve("validate", "bag.tar", cwd=tmp_path)
    assert status == 1 and "Do not unpack this archive" in out and "serialisation: tar" in out


def test_an_archive_is_not_taken_into_the_catalog_and_the_way_is_told(tmp_path: Path) -> None:
    assert preserve("init", cwd=tmp_path)[0] == 0
    written(tmp_path, tar())
    status, out, err = preserve("add", "bag.tar", cwd=tmp_path)
    assert (status, out) == (2, "") and "unpack the bag and add its folder" in " ".join(err.split())
    with tarfile.open(tmp_path / "bag.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    assert preserve("add", "bag", cwd=tmp_path)[0] == 0
