"""False greens of reading and judging: what was never read, not found, or believed without a look."""

import os
import subprocess
import time
from collections.abc import Sequence
from typing import Any

import bagit
import pytest

from checks import judging, shards
from checks.digesting import Reading
from checks.evidence import Evidence, Outcome
from checks.inventory import Record
from checks.ports import NotFoundError
from checks.shards import Judgement, ShardChecker
from preserve.app.holdings import replicate
from preserve.app.replicas import add_replica
from preserve.audit import selftest
from preserve.audit.reading import ShardReader
from preserve.progress import Silent
from preserve.stores import local, local_source
from preserve.stores.local import LocalStore
from preserve.stores.local_source import LocalSource
from tests.fault.false_greens.stage import LIE, FalseGreen, Guard, Stage
from tests.support.loop_disks import loop_disk


def test_a_file_that_cannot_be_fetched_is_skipped_with_no_event(stage: Stage) -> None:
    file = stage.file("nas")
    stage.break_file(file)
    assert stage.audit()[0] == 3
    with stage.placed.open() as workspace:
        told = [link.body for link in workspace.catalog.journal() if link.kind == "check"]
    assert any(b'"code":"unreadable"' in body for body in told), f"{LIE}: the journal does not name the file"


def test_a_read_error_is_counted_as_missing(stage: Stage) -> None:
    stage.break_file(stage.file("nas"))
    status, _ = stage.audit()
    assert (status, stage.codes()) == (3, {"unreadable"}), f"{LIE}: nobody knows that it is gone"


def test_an_unmounted_disk_is_shown_as_everything_deleted(stage: Stage) -> None:
    (stage.folder / "nas").rename(stage.folder / "unmounted")
    (stage.folder / "nas").mkdir()
    status, _ = stage.audit()
    assert (status, stage.codes()) == (3, {"replica-unavailable"}), f"{LIE}: nobody knows that anything is gone"


def test_stored_metadata_is_compared_with_stored_metadata(stage: Stage) -> None:
    stage.flip(stage.file("nas"))
    assert stage.audit()[0] == 1, LIE
    assert stage.codes() == {"digest-mismatch"}
    assert stage.last_audit().bytes_read > 0


def test_a_changed_digest_with_a_newer_mtime_is_success(stage: Stage) -> None:
    file = stage.file("nas")
    stage.flip(file)
    os.utime(file, (time.time() + 3600,) * 2)
    assert stage.audit()[0] == 1, LIE


def test_the_manifest_is_overwritten_with_what_the_store_says(stage: Stage) -> None:
    stage.flip(stage.file("nas"))
    copy = stage.placed.copy("nas", "box-0")
    bagit.Bag(str(copy)).save(manifests=True)
    assert stage.preserve("validate", str(copy))[0] == 0, "the bag says of itself that it is whole"
    for _ in range(2):  # nor does the first audit make the second one green
        assert stage.audit()[0] == 1, LIE
    assert {"manifest-changed", "digest-mismatch"} <= stage.codes()


def test_hashing_through_the_page_cache(stage: Stage) -> None:
    """A bit that was turned on the medium is found under a warm cache, and gone when it is turned back."""
    try:
        with loop_disk(stage.folder) as disk:
            with stage.placed.open() as workspace:
                add_replica(workspace, "medium", str(disk.root), medium=None, site=None, offline=False)
            with stage.placed.open() as workspace:
                assert [one.problem for one in replicate(workspace, ("box-0",), ("medium",), Silent())] == [""]
            page = disk.root / stage.file("nas").relative_to(stage.folder / "nas")
            byte, warm = disk.block_of(page, 0), page.read_bytes()
            disk.turn(byte, 0)
            assert page.read_bytes() == warm, "what a plain read is told"
            assert stage.audit(replica="medium")[0] == 1, LIE
            page.read_bytes()
            disk.turn(byte, 0)
            assert stage.audit(replica="medium")[0] == 0, "what was mended on the medium is good"
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no loop-mounted ext4 here: {error}")


def test_what_a_store_claims_is_taken_for_a_reading(stage: Stage) -> None:
    stage.patch.setattr(LocalSource, "evidence", Evidence.CLAIMED)  # a provider's word for it, such as an ETag
    assert stage.audit()[0] == 3, LIE


def _errors_are_missing(stage: Stage) -> None:
    for module in (local, local_source):
        stage.patch.setattr(module, "translated", lambda error, path: NotFoundError(str(error)))


def _identities_are_remembered(stage: Stage) -> None:
    with stage.placed.open() as workspace:
        known = {os.fsencode(stage.folder / one.name): str(one.uuid) for one in workspace.replicas()}
    stage.patch.setattr(LocalStore, "identity", lambda self: known[self.root])


def _passed(record: Record, root: bytes) -> Judgement:
    return Judgement(
        outcome=Outcome.PASS,
        evidence=Evidence.READ,
        good=len(record.paths),
        bad=0,
        unread=0,
        bytes_read=0,
        observed_root=root,
    )


def _no_self_test(stage: Stage) -> None:
    stage.patch.setattr(selftest, "judge", lambda *_: "")


def _metadata_suffice(stage: Stage) -> None:
    def check(self: ShardChecker, location: bytes, record: Record, root: bytes, names: Any) -> Judgement:
        for path, size in zip(record.paths, record.sizes, strict=True):
            assert self._store.stat(location + b"/" + path).size_bytes == size
        return _passed(record, root)

    stage.patch.setattr(ShardChecker, "check", check)
    _no_self_test(stage)


def _newer_is_right(stage: Stage) -> None:
    observed = shards._observed_root

    def trusting(record: Record, readings: Sequence[Reading]) -> bytes | None:
        now, seen = time.time_ns(), []
        for reading, digest in zip(readings, record.digests, strict=True):
            newer = reading.stat is not None and (reading.stat.modified_ns or 0) > now
            seen.append(reading._replace(digests={"sha256": digest}) if newer else reading)
        return observed(record, seen)

    stage.patch.setattr(shards, "_observed_root", trusting)


def _the_bag_is_believed(stage: Stage) -> None:
    def judge(self: ShardReader, view: Any, copy: Any, shard: Any, *_: Any, **__: Any) -> Judgement:
        assert bagit.Bag(str(stage.placed.copy(copy.replica, copy.package))).is_valid()
        return _passed(self._record(shard.id), shard.root)

    stage.patch.setattr(ShardReader, "_judge", judge)


def _claims_suffice(stage: Stage) -> None:
    stage.patch.setattr(shards, "_weakest", lambda readings: Evidence.READ)
    _no_self_test(stage)


GUARDS = {
    "test_a_file_that_cannot_be_fetched_is_skipped_with_no_event": FalseGreen(
        "Riprap",
        "a file that could not be fetched was skipped, and no event said so",
        (
            Guard(
                "what could not be read is a finding of its own, and stands in the journal",
                lambda stage: stage.patch.setattr(judging, "_unread", lambda *_: None),
            ),
        ),
    ),
    "test_a_read_error_is_counted_as_missing": FalseGreen(
        "ACE",
        "a read error was counted as a missing file",
        (
            Guard(
                "only the file system's own word for “not there” is missing; other errors are `unreadable`",
                _errors_are_missing,
            ),
        ),
    ),
    "test_an_unmounted_disk_is_shown_as_everything_deleted": FalseGreen(
        "AVP Fixity, chkbit",
        "a disk that was not mounted was shown as every file deleted",
        (
            Guard(
                "each replica carries its identity, read anew before anything is said of it", _identities_are_remembered
            ),
        ),
    ),
    "test_stored_metadata_is_compared_with_stored_metadata": FalseGreen(
        "preservation_catalog, its audit of clouds",
        "what was stored about files was compared with what was stored about them; no byte was read",
        (
            Guard(
                "a pass needs the digests of bytes that were read, and bits turned on the way must be found",
                _metadata_suffice,
            ),
        ),
    ),
    "test_a_changed_digest_with_a_newer_mtime_is_success": FalseGreen(
        "Riprap",
        "another digest was success where the file's time was newer",
        (Guard("what was taken in is what is expected; no time on the disk changes it", _newer_is_right),),
    ),
    "test_the_manifest_is_overwritten_with_what_the_store_says": FalseGreen(
        "DuraCloud",
        "the manifest was overwritten with what the store held",
        (
            Guard(
                "the inventory stands in the catalog since ingest; a copy's own manifests are files like others",
                _the_bag_is_believed,
            ),
        ),
    ),
    "test_hashing_through_the_page_cache": FalseGreen(
        "all that were looked at, but SnapRAID",
        "files were read from the kernel's memory: a bit that flipped on the medium was not seen",
        (Guard("files are read past the cache (O_DIRECT)", lambda stage: stage.patch.setattr(local, "DIRECT", 0)),),
    ),
    "test_what_a_store_claims_is_taken_for_a_reading": FalseGreen(
        "rclone, with ETags",
        "a provider's word for a digest counted as a reading",
        (
            Guard(
                "every result carries its evidence, a claim is less than a reading, and the self-test tries it",
                _claims_suffice,
            ),
        ),
    ),
}
