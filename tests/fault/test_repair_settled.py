"""Entries that the journal knows: what was left undone after the record is done, and none of them stops a repair."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.ports import Kind, Listed
from preserve.stores import quarantine
from preserve.stores.identity import QUARANTINE
from preserve.stores.local_replica import LocalReplica
from tests.campaigns.killing_copies import tree
from tests.support.repairing import at, endings, entries, mend, some_file
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=1, files=24)


def _recorded(placed: PlacedWorkspace, count: int) -> list[Path]:
    """So many entries on a disk that are recorded and whole."""
    for which in range(count):
        at(placed, "disk", some_file(placed, which=which)).write_bytes(b"bad %d" % which)
    placed.audit()
    mend(placed)
    assert len(entries(placed, "disk")) == count
    return entries(placed, "disk")


def test_what_was_left_undone_after_the_record_is_done(placed: PlacedWorkspace) -> None:
    first, second, third = _recorded(placed, 3)
    whole = tree(placed.folder / "disk" / ".preserve" / "quarantine")
    (first / "manifest-sha256.txt").unlink()
    (second / "good").write_bytes(b"staged")
    (third / "notes").mkdir()
    assert not mend(placed).settled
    assert tree(placed.folder / "disk" / ".preserve" / "quarantine") == whole


def test_an_entry_that_fails_does_not_keep_the_later_ones(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, *others = _recorded(placed, 3)
    for one in (entry, *others):
        (one / "manifest-sha256.txt").unlink()
    left = placed.folder / "disk" / ".preserve" / "quarantine" / "99990101T000000-00000000"
    left.mkdir()
    (left / "content").write_bytes(b"of others")
    seal = quarantine.Entry.seal

    def failing(self: quarantine.Entry, digest: str | None) -> None:
        if self.path == bytes(entry):
            raise PermissionError(13, "Permission denied")
        seal(self, digest)

    monkeypatch.setattr(quarantine.Entry, "seal", failing)
    told = [told for _, told in mend(placed).settled]
    assert [one.partition(":")[0] for one in told] == [left.name, entry.name] and "Permission denied" in told[1]
    assert [(one / "manifest-sha256.txt").exists() for one in (entry, *others)] == [False, True, True]


@pytest.mark.parametrize("unlisted", ["entry", "all", "quarantine"])
def test_what_cannot_be_listed_is_told_and_the_rest_repaired(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, unlisted: str
) -> None:
    (entry,) = _recorded(placed, 1)
    at(placed, "nas", some_file(placed)).write_bytes(b"bad")
    placed.audit()
    listing = LocalReplica.listing

    def failing(self: LocalReplica, root: bytes) -> Iterator[Listed]:
        if root != QUARANTINE or unlisted == "quarantine" or self.root != bytes(placed.folder / "disk"):
            yield from listing(self, root)
        else:
            yield Listed(entry.name.encode() if unlisted == "entry" else b"", Kind.DIRECTORY, "EIO")

    def refused(self: quarantine.Quarantine) -> Iterator[quarantine.Entry]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LocalReplica, "listing", failing)
    if unlisted == "quarantine":
        monkeypatch.setattr(quarantine.Quarantine, "entries", refused)
    view = mend(placed)
    assert endings(view) == [("nas", "replace", "repaired")]
    told = dict(view.settled)["disk"]
    assert ("Permission denied" if unlisted == "quarantine" else "listed: EIO") in told
    assert (entry.name in told) is (unlisted == "entry")
