"""The auditor's test of itself: every tampering is found by it alone, and a damaged disk is not taken for one."""

import errno
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import checks.shards
from checks import canaries, findings, inventory, judging, tree
from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence, Outcome
from checks.inventory import Record
from checks.ports import NotFoundError, Source, Store, StoreError
from checks.shards import Judgement, ShardChecker
from preserve.audit.selftest import SelfTest, self_test
from preserve.executors.threads import Threads
from preserve.stores import canaries as placed
from preserve.stores.identity import Identity, write_identity
from preserve.stores.limiting import RateLimited
from preserve.stores.local import LocalStore
from preserve.stores.local_replica import LocalReplica
from preserve.stores.local_source import LocalSource
from preserve.stores.retrying import Retrying
from tests.support.memory_store import flipped

REPLICA = "5e0c1f6e-0000-4000-8000-000000000001"
AT = datetime(2026, 11, 1, tzinfo=UTC)
GOOD = tuple(canary.name for canary in canaries.GOOD)
ALL = tuple(canary.name for canary in canaries.CANARIES)


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    root = tmp_path / "replica"
    root.mkdir()
    write_identity(os.fsencode(root), Identity(uuid=REPLICA, name="nas"), AT)
    return root


@pytest.fixture
def used(replica: Path) -> Path:
    """A replica that was tested before."""
    assert result_of(replica).passed
    return replica


def result_of(replica: Path, digester: Digester | None = None, store: LocalStore | None = None) -> SelfTest:
    root = os.fsencode(replica)
    with Threads(2) as threads:
        there = LocalReplica(root)
        reader = digester or Digester(("sha256",), threads.files)
        return self_test(store or there, there.canaries(), REPLICA, reader, AT)


def folder(replica: Path) -> Path:
    return replica / ".preserve/canaries"


def refused(result: SelfTest) -> str:
    """Why; a tampering is never laid on the disk, or said to be untested."""
    assert (result.passed, result.damaged, result.away) == (False, (), "")
    assert result.why
    return result.why


# --- good ways


def test_a_fresh_replica_gets_its_canaries_and_passes(replica: Path) -> None:
    assert result_of(replica) == SelfTest(passed=True, made=ALL)
    assert result_of(replica) == SelfTest(passed=True)


def test_a_digester_without_threads_passes_too(replica: Path) -> None:
    assert result_of(replica, Digester(("sha256", "sha512"))).passed


@pytest.mark.parametrize("rate", [None, 64_000_000])
def test_it_reads_through_the_stores_of_the_run(used: Path, rate: int | None) -> None:
    there = LocalReplica(os.fsencode(used))
    store: Store = Retrying(there)
    if rate is not None:
        store = RateLimited(store, rate)
    with Threads(2) as threads:
        digester = Digester(("sha256",), threads.files)
        assert self_test(store, there.canaries(), REPLICA, digester, AT) == SelfTest(passed=True)
        assert not self_test(store, there.canaries(), REPLICA, TAMPERED["the first block"](), AT).passed


def test_a_canary_that_was_deleted_is_made_again_and_told(used: Path) -> None:
    (folder(used) / "page.txt").unlink()
    assert result_of(used) == SelfTest(passed=True, made=(b"page.txt",))


def _to_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("name", ALL, ids=os.fsdecode)
def test_a_bit_that_flipped_on_the_disk_is_told_and_the_next_test_is_clean(used: Path, name: bytes) -> None:
    path = folder(used) / os.fsdecode(name)
    path.write_bytes(flipped(path.read_bytes()))
    result = result_of(used)
    assert (result.passed, result.damaged) == (True, (name,))
    assert result.why.endswith(": its content is not what was written")
    assert len(list(folder(used).glob("*.damaged-*"))) == 1
    assert result_of(used) == SelfTest(passed=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: (path.unlink(), path.symlink_to("one-byte.txt")),
        lambda path: (path.unlink(), path.mkdir()),
        _to_a_pipe,
    ],
    ids=["emptied", "cut", "longer", "a link", "a folder", "a pipe"],
)
def test_whatever_became_of_one_is_the_disks_matter(used: Path, damage: Callable[[Path], object]) -> None:
    damage(folder(used) / "page.txt")
    result = result_of(used)
    assert (result.passed, result.damaged) == (True, (b"page.txt",))
    assert result_of(used) == SelfTest(passed=True)


def test_all_of_them_damaged_are_made_anew_and_the_auditor_is_tested_with_those(used: Path) -> None:
    for path in folder(used).iterdir():
        path.write_bytes(flipped(path.read_bytes()))
    result = result_of(used)
    assert result.passed and set(result.damaged) == set(ALL)
    assert result_of(used) == SelfTest(passed=True)


def read_only() -> Any:
    opened, made = os.open, os.mkdir

    def refusing(path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, mode, dir_fd=dir_fd)

    def not_made(path: bytes, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        if os.fsencode(path) in (b".preserve", b"canaries"):
            made(path, mode, dir_fd=dir_fd)  # FileExistsError where it stands, as a read-only file system says it
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    return patch.multiple(os, open=refusing, mkdir=not_made, rename=not_made)


def test_a_replica_that_cannot_be_written_to_is_tested_with_what_is_there(used: Path) -> None:
    with read_only():
        assert result_of(used) == SelfTest(passed=True)
        (folder(used) / "page.txt").unlink()
        result = result_of(used)
    assert (result.passed, result.damaged, result.made) == (True, (), ())
    assert "page.txt: it is not there" in result.why and "Read-only file system" in result.why


def test_a_damaged_one_that_cannot_be_made_anew_is_left_out(used: Path) -> None:
    page = folder(used) / "page.txt"
    page.write_bytes(flipped(page.read_bytes()))
    with read_only(), patch.object(placed, "rename_no_replace", side_effect=OSError(errno.EROFS, "Read-only")):
        result = result_of(used)
    assert (result.passed, result.damaged) == (True, (b"page.txt",))
    assert "Read-only" in result.why


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)


def test_where_none_can_be_made_nothing_was_tested(replica: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full_disk(monkeypatch)
    why = refused(result_of(replica))
    assert "it could not be tested" in why and "the disk is full" in why
    assert result_of(replica).untested
    monkeypatch.undo()
    (replica / ".preserve/canaries").rmdir()
    with patch.object(os, "mkdir", side_effect=OSError(errno.EROFS, os.strerror(errno.EROFS))):
        why = refused(result_of(replica))
    assert "it could not be tested" in why and "Read-only file system" in why


def test_a_full_disk_with_canaries_is_tested(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full_disk(monkeypatch)
    assert result_of(used) == SelfTest(passed=True)
    (folder(used) / "page.txt").unlink()
    result = result_of(used)
    assert result.passed and "the disk is full" in result.why


def test_a_replica_that_is_not_there_is_away_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty mount").mkdir()
    result = result_of(tmp_path / "empty mount")
    assert (result.passed, bool(result.away)) == (False, True)
    assert list((tmp_path / "empty mount").iterdir()) == []
    assert result_of(tmp_path / "gone").away == "the folder is not there"


def test_another_disk_in_its_place_is_away_and_nothing_is_written(replica: Path) -> None:
    other = "5e0c1f6e-0000-4000-8000-000000000002"
    write_identity(os.fsencode(replica), Identity(uuid=other, name="nas"), AT)
    result = result_of(replica)
    assert (result.passed, other in result.away) == (False, True)
    assert not folder(replica).exists()


@pytest.mark.parametrize("at", range(1, 12))
def test_a_disk_that_is_pulled_out_meanwhile_is_away(used: Path, at: int) -> None:
    class Pulled(LocalStore):
        asked = 0

        def identity(self) -> str:
            Pulled.asked += 1
            if Pulled.asked == at:
                os.rename(self.root, self.root + b" away")
            return super().identity()

    result = result_of(used, store=Pulled(os.fsencode(used)))
    if Pulled.asked < at:
        assert result.passed
    else:
        assert not result.passed and (result.away or "could not be tested" in result.why)
        assert not used.exists()


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_medium_that_fails_once_is_never_the_auditor(used: Path, nth: int) -> None:
    opened, asked = LocalStore.open, iter(range(1, 100))

    def once(self: LocalStore, path: bytes, **how: Any) -> LocalSource:
        if path.endswith(b"/page.txt") and next(asked) == nth:
            raise StoreError("Input/output error", cause="EIO")
        return opened(self, path, **how)

    with patch.object(LocalStore, "open", once):
        result = result_of(used)
    assert next(asked) > nth + 1, "it was read once more"
    if not result.passed:
        assert "could not be tested" in result.why and "(EIO)" in result.why


def test_a_folder_that_is_closed_meanwhile_is_never_the_auditor(used: Path) -> None:
    """From whichever of its openings on; until none is left to refuse."""
    opened, untested = os.open, 0
    for nth in range(1, 1000):
        count = iter(range(1, 100_000))

        def refused_from(nth: int, count: Iterator[int], path: Any, flags: int, *mode: int, **at: int) -> int:
            if os.fsencode(path) == b"canaries" and next(count) >= nth:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return opened(path, flags, *mode, **at)

        with patch.object(os, "open", partial(refused_from, nth, count)):
            result = result_of(used)
        if result.passed and next(count) <= nth:
            break
        if not result.passed:
            untested += 1
            assert result.untested and "could not be tested" in result.why and "EACCES" in result.why
    assert nth > untested > 5


@pytest.mark.parametrize("name", [".preserve/canaries", ".preserve/canaries/page.txt"])
def test_a_medium_that_fails_is_not_the_auditor(used: Path, name: str) -> None:
    """EIO for one canary, and for all of them."""
    opened, wrong = os.readv, os.path.realpath(used / name)

    def failing(fd: int, buffers: Any) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").startswith(wrong):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(fd, buffers)

    with patch.object(os, "readv", failing):
        result = result_of(used)
    assert result.passed is name.endswith("page.txt")
    assert b"page.txt" in result.damaged and "it could not be read (EIO)" in result.why


def test_one_that_was_read_wrongly_once_is_told(used: Path) -> None:
    opened = LocalStore.open
    times = iter([True])

    def once(self: LocalStore, path: bytes, **how: Any) -> LocalSource:
        if path.endswith(b"/page.txt") and next(times, False):
            raise StoreError("Input/output error", cause="EIO")
        return opened(self, path, **how)

    with patch.object(LocalStore, "open", once):
        result = result_of(used)
    assert (result.passed, result.damaged) == (True, (b"page.txt",))
    assert "wrongly once" in result.why
    assert not list(folder(used).glob("*.damaged-*"))


def test_planted_links_are_not_followed(replica: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder(replica).symlink_to(tmp_path / "elsewhere")
    assert "could not be tested" in refused(result_of(replica))
    assert list((tmp_path / "elsewhere").iterdir()) == []


# --- tampered digesters: each is tried on a replica that it has seen before, and on a fresh one


class Tampered(Digester):
    """A digester whose readings were changed."""

    def __init__(self) -> None:
        super().__init__(("sha256",))
        self.known: dict[object, Reading] = {}

    def observe(self, wanted: Iterable[Wanted]) -> Iterator[Reading]:
        return map(self.read, wanted)

    def read(self, wanted: Wanted) -> Reading:
        return self.lie(wanted)

    def honest(self, wanted: Wanted) -> Reading:
        return super().read(wanted)

    def lie(self, wanted: Wanted) -> Reading:
        raise NotImplementedError


class Constant(Tampered):
    def lie(self, wanted: Wanted) -> Reading:
        return self.honest(wanted)._replace(digests={"sha256": bytes(32)})


class Remembering(Tampered):
    """Gives the first answer again, by whatever it knows the file."""

    def __init__(self, key: Callable[[Wanted], object]) -> None:
        super().__init__()
        self._key = key

    def lie(self, wanted: Wanted) -> Reading:
        key = self._key(wanted)
        if key not in self.known:
            self.known[key] = self.honest(wanted)
        return self.known[key]


class RememberingDigests(Tampered):
    """Opens and looks, as if it read, and gives the digest of a file whose times and inode have not changed."""

    def lie(self, wanted: Wanted) -> Reading:
        source = wanted.open()
        token = source.stat().token
        source.close()
        if token not in self.known:
            self.known[token] = self.honest(wanted)
        return self.known[token]


class Manifests(Tampered):
    """Knows what is recorded, out of manifests or the catalog, and says it of whatever it is given."""

    def lie(self, wanted: Wanted) -> Reading:
        recorded = canaries.record()
        places = dict(zip(recorded.paths, zip(recorded.sizes, recorded.digests, strict=True), strict=True))
        size, digest = places[wanted.path]
        return Reading(wanted.path, {"sha256": digest}, size, size, evidence=Evidence.READ_MEDIUM)


class Knowing(Tampered):
    """Knows the right digests, of the wrong one too, and reads nothing."""

    def lie(self, wanted: Wanted) -> Reading:
        (canary,) = [one for one in canaries.CANARIES if one.name == wanted.path]
        size = canary.size_bytes
        return Reading(wanted.path, {"sha256": canary.sha256}, size, size, evidence=Evidence.READ_MEDIUM)


class KnowingAndReading(Knowing):
    """The same, and reads, so that the bytes are asked for and the evidence is true."""

    def lie(self, wanted: Wanted) -> Reading:
        return self.honest(wanted)._replace(digests=super().lie(wanted).digests)


class Partial(Tampered):
    """Digests a part of each file only."""

    def __init__(self, part: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._part = part

    def lie(self, wanted: Wanted) -> Reading:
        content = bytearray()
        reading = self.honest(wanted._replace(sink=content.extend))
        return reading._replace(digests={"sha256": hashlib.sha256(self._part(bytes(content))).digest()})


class OtherHash(Tampered):
    def lie(self, wanted: Wanted) -> Reading:
        content = bytearray()
        reading = self.honest(wanted._replace(sink=content.extend))
        return reading._replace(digests={"sha256": hashlib.sha3_256(content).digest()})


class Checksum(Tampered):
    """Gives what is recorded as long as a CRC says that the content is that: faster, and weaker."""

    def lie(self, wanted: Wanted) -> Reading:
        content = bytearray()
        reading = self.honest(wanted._replace(sink=content.extend))
        crc = (zlib.crc32(content) & 0xF, len(content))  # of which a few bits were kept
        return self.known.setdefault(crc, reading)


class AllGood(Tampered):
    """Says of the wrong one what is recorded of it, and is honest otherwise."""

    def lie(self, wanted: Wanted) -> Reading:
        reading = self.honest(wanted)
        return reading._replace(digests={"sha256": canaries.WRONG_DIGEST}) if wanted.path == ALL[-1] else reading


TAMPERED: dict[str, Callable[[], Digester]] = {
    "a constant": Constant,
    "the first answer by path": partial(Remembering, lambda wanted: wanted.path),
    "the first answer by size": partial(Remembering, lambda wanted: wanted.expected_bytes),
    "the first answer by path and size": partial(Remembering, lambda wanted: (wanted.path, wanted.expected_bytes)),
    "the first answer by the whole path": partial(Remembering, lambda wanted: wanted.open.args[0]),  # type: ignore[attr-defined]
    "the first answer by inode and times": RememberingDigests,
    "what is recorded": Manifests,
    "what is right, without reading": Knowing,
    "what is right, whatever was read": KnowingAndReading,
    "the first block": partial(Partial, lambda content: content[: 1 << 20]),
    "the first page": partial(Partial, lambda content: content[:4096]),
    "all but the last byte": partial(Partial, lambda content: content[:-1]),
    "all but the last byte of what is long": partial(Partial, lambda c: c[:-1] if len(c) > 1 << 20 else c),
    "lower case": partial(Partial, bytes.lower),
    "nothing": partial(Partial, lambda content: b""),
    "another function": OtherHash,
    "a weaker function": Checksum,
    "what is recorded of the wrong one alone": AllGood,
}


@pytest.mark.parametrize("how", TAMPERED, ids=str)
def test_a_tampered_digester_is_found(used: Path, how: str) -> None:
    assert refused(result_of(used, TAMPERED[how]()))


@pytest.mark.parametrize("how", TAMPERED, ids=str)
def test_a_tampered_digester_is_found_the_first_time(replica: Path, how: str) -> None:
    result = result_of(replica, TAMPERED[how]())
    assert not result.passed and result.why and result.made == ALL and result.damaged == ()


def test_a_tampered_digester_is_found_where_a_canary_is_damaged_too(used: Path) -> None:
    """Whoever spoils canaries must not make the test a weaker one."""
    large = folder(used) / "buffer-and-one.txt"
    large.write_bytes(flipped(large.read_bytes()))
    assert not result_of(used, TAMPERED["the first block"]()).passed


def test_a_digester_that_says_less_evidence_is_more_is_found(used: Path) -> None:
    class Boasting(Tampered):
        def lie(self, wanted: Wanted) -> Reading:
            return self.honest(wanted)._replace(evidence=Evidence.READ_MEDIUM)

    assert "evidence that is too weak was taken for enough" in refused(result_of(used, Boasting()))


def test_a_digester_that_says_it_read_what_it_did_not_is_found(used: Path) -> None:
    class Idle(Remembering):
        def lie(self, wanted: Wanted) -> Reading:
            reading = super().lie(wanted)
            self.times = getattr(self, "times", 0) + 1
            return reading

    idle = Idle(lambda wanted: wanted.path)
    store = LocalStore(os.fsencode(used))
    for canary in canaries.CANARIES:  # it has seen them all before this test begins
        path = placed.FOLDER + b"/" + canary.name
        opener = partial(store.open, path, past_cache=True)
        idle.read(Wanted(path=canary.name, open=opener, expected_bytes=canary.size_bytes))
    assert "were said to be read, and 0 were asked for" in refused(result_of(used, idle))


# --- tampered checks


def always_equal(self: Record) -> bytes:
    return bytes(32)


def passed(self: ShardChecker, location: bytes, record: Record, root: bytes, names: object) -> Judgement:
    return Judgement(
        outcome=Outcome.PASS,
        evidence=Evidence.READ_MEDIUM,
        good=len(record.paths),
        bad=0,
        unread=0,
        bytes_read=sum(record.sizes),
        observed_root=root,
    )


checked = ShardChecker.check


def said_passed(self: ShardChecker, *asked: Any) -> Judgement:
    """Reads, and says that it was good."""
    judgement = checked(self, *asked)
    return replace(passed(self, *asked), bytes_read=judgement.bytes_read)


def hides_findings(self: ShardChecker, *asked: Any) -> Judgement:
    return replace(checked(self, *asked), findings=())


def only_the_wrong_one(self: ShardChecker, *asked: Any) -> Judgement:
    """Finds what everybody knows to be wrong, and nothing else."""
    judgement = checked(self, *asked)
    known = tuple(finding for finding in judgement.findings if finding.path == ALL[-1])
    return replace(judgement, findings=known) if known else said_passed(self, *asked)


CHECKS: dict[str, tuple[object, str, object]] = {
    "roots are all alike": (Record, "root", always_equal),
    "the root is taken for observed": (checks.shards, "_observed_root", lambda record, readings: record.root()),
    "lines are always good": (judging.Line, "sight", lambda self, reading: judging.Sight.GOOD),
    "lines are always bad": (judging.Line, "sight", lambda self, reading: judging.Sight.BAD),
    "lines are compared by size": (
        judging.Line,
        "sight",
        lambda self, r: judging.Sight.GOOD if r.size_bytes == self.size_bytes else judging.Sight.BAD,
    ),
    "digests are compared in part": (
        judging.Line,
        "sight",
        lambda self, r: judging.Sight.GOOD if r.digests["sha256"][:31] == self.sha256[:31] else judging.Sight.BAD,
    ),
    "every conclusion is good": (checks.shards, "conclude", lambda line, readings: judging.Sight.GOOD),
    "nothing is described": (checks.shards, "describe", lambda *of: None),
    "suspects are not compared": (ShardChecker, "_compare", lambda self, *of: None),
    "every outcome is a pass": (checks.shards, "outcome_of", lambda found: Outcome.PASS),
    "damage is only a warning": (
        findings,
        "MEANINGS",
        {code: replace(meaning, outcome=Outcome.PASS) for code, meaning in findings.MEANINGS.items()},
    ),
    "nothing is read": (ShardChecker, "check", passed),
    "what was read is thrown away": (ShardChecker, "check", said_passed),
    "findings are hidden": (ShardChecker, "check", hides_findings),
    "only the wrong one is found": (ShardChecker, "check", only_the_wrong_one),
    "SHA-256 is another function": (hashlib, "sha256", hashlib.sha3_256),
    "SHA-256 of trees is another function": (tree, "sha256", hashlib.sha3_256),
    "SHA-256 of leaves is another function": (inventory, "sha256", hashlib.sha3_256),
    "trees are of one leaf": (tree, "root_of_hashes", lambda hashes: hashes[0]),
}


@pytest.mark.parametrize("how", CHECKS, ids=str)
def test_a_tampered_check_is_found(used: Path, how: str) -> None:
    target, name, other = CHECKS[how]
    with patch.object(target, name, other):
        refused(result_of(used))


def test_a_sha256_that_was_replaced_before_the_digester_was_made_is_found(used: Path) -> None:
    from checks.algorithms import _found

    _found.cache_clear()
    try:
        with patch.object(hashlib, "sha256", hashlib.sha3_256):
            digester = Digester(("sha256",))
        assert "is as it was written, and was judged digest-mismatch" in refused(result_of(used, digester))
    finally:
        _found.cache_clear()


# --- tampered sources


def no_bytes(self: LocalSource, buffer: memoryview, most_bytes: int = 0) -> Any:
    """Says that it filled the buffer."""
    found = os.fstat(self._fd)
    left = found.st_size - self._position
    self._position += min(left, len(buffer))
    return min(left, len(buffer))


def test_a_source_that_never_read_is_found(used: Path) -> None:
    with (
        patch.object(LocalSource, "readinto", no_bytes),
        patch.object(LocalSource, "whole", lambda self, buffer, most: None),
    ):
        assert "is as it was written, and was judged digest-mismatch" in refused(result_of(used))


def test_evidence_that_the_system_cannot_give_is_found(used: Path) -> None:
    opened = os.open

    def without(path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return opened(path, flags, mode, dir_fd=dir_fd)

    with patch.object(os, "open", without):
        assert result_of(used).passed  # read through the cache, and it says so
        with patch.object(LocalSource, "evidence", Evidence.READ_MEDIUM):
            assert "read-medium was said where the system" in refused(result_of(used))


def test_a_store_that_gives_one_file_for_all_is_found(used: Path) -> None:
    opened = LocalStore.open

    def one(self: LocalStore, path: bytes, **how: Any) -> Source:
        return opened(self, placed.FOLDER + b"/page.txt", **how)

    with patch.object(LocalStore, "open", one):
        refused(result_of(used))


def test_a_store_that_knows_of_no_files_is_found(used: Path) -> None:
    with patch.object(LocalStore, "open", side_effect=NotFoundError("nothing there")):
        assert "was judged" in refused(result_of(used))
