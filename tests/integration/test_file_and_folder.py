"""A bucket can hold a file and a folder of one name, which no disk can: it is not adopted, and the rest is restored."""

from hashlib import sha256
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.app.adopting import Wish, adopt
from preserve.app.repairs import restore
from preserve.ingest import sighting
from preserve.progress import Silent
from tests.integration.test_far_replicas import Far, far

__all__ = ["far"]


def lay_clash(far: Far) -> None:
    """`data/a` is a file, and so is `data/a/b`; a name that sorts between them stands there too."""
    files = {b"data/a": b"A", b"data/a-c": b"C", b"data/a.d": b"D", b"data/a/b": b"B"}
    for path, content in files.items():
        far.beneath["bucket"].lay(b"clash/" + path, content)
    lines = "".join(f"{sha256(content).hexdigest()}  {path.decode()}\n" for path, content in files.items())
    far.beneath["bucket"].lay(b"clash/manifest-sha256.txt", lines.encode())
    declaration = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    far.beneath["bucket"].lay(b"clash/bagit.txt", declaration)


def test_it_is_not_adopted_and_the_name_is_told(far: Far) -> None:
    lay_clash(far)
    with far.open() as workspace:
        (line,) = adopt(workspace, Wish(replica="bucket", folders=[b"clash"]), Silent()).lines
    assert (line.became, line.outcome) == ("nothing", Outcome.FAIL)
    assert "data/a is a file, and a folder" in line.problem


def test_of_one_that_was_taken_in_before_the_rest_is_restored(
    far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_clash(far)
    monkeypatch.setattr(sighting, "_refuse_file_and_folder", lambda folder, names: None)
    with far.open() as workspace:
        (line,) = adopt(workspace, Wish(replica="bucket", folders=[b"clash"]), Silent()).lines
        assert line.became == "package"
        restored = restore(workspace, "clash", tmp_path / "out", Silent())
    (lost,) = restored.lost
    assert lost.path in (b"data/a", b"data/a/b") and "a file and a folder of one name" in lost.faults[0]
    assert (restored.outcome, restored.files) == (Outcome.FAIL, 5)
    assert (tmp_path / "out/data/a-c").read_text() == "C"
