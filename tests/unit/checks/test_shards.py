"""One shard of one copy, read and judged."""

from collections.abc import Callable
from hashlib import sha256

import pytest

from checks import inventory
from checks.digesting import Digester
from checks.evidence import Evidence, Outcome
from checks.findings import Code
from checks.inventory import Entry, Record, cut
from checks.listing import Listing, Names, compare, names_of
from checks.ports import Kind
from checks.shards import Judgement, ShardChecker
from tests.support.memory_store import REPLICA, MemoryStore, flipped, io_error, unchanged

FILES = {b"bagit.txt": b"BagIt", b"data/a": b"alpha", b"data/b": b"beta", b"manifest-sha256.txt": b"sums"}


def placed(files: dict[bytes, bytes] = FILES) -> MemoryStore:
    return MemoryStore({b"pkg/" + path: content for path, content in files.items()})


def record_of(files: dict[bytes, bytes] = FILES) -> Record:
    (record,) = cut(Entry(p, len(c), sha256(c).digest()) for p, c in sorted(files.items()))
    return record


def check(store: MemoryStore, record: Record | None = None, required: Evidence = Evidence.READ) -> Judgement:
    record = record or record_of()
    listing = Listing.gather(store.listing(b"pkg"))
    differences = compare(listing, [(record.start, record.stop, record.first_paths())])
    names = names_of(listing, differences, {}, record.start, record.stop)
    checker = ShardChecker(store, REPLICA, Digester(("sha256",)), required=required)
    return checker.check(b"pkg", record, record.root(), names)


def only(judgement: Judgement) -> tuple[Code, bytes | None]:
    (finding,) = judgement.findings
    return finding.code, finding.path


def test_equal_roots_are_pass_and_every_byte_was_read_past_the_cache() -> None:
    store = placed()
    result = check(store)
    assert result.outcome is Outcome.PASS
    assert result.evidence is Evidence.READ_MEDIUM
    assert (result.good, result.bad, result.unread) == (4, 0, 0)
    assert result.bytes_read == sum(map(len, FILES.values()))
    assert result.observed_root == record_of().root()
    assert store.open_now == 0


def test_a_flipped_bit_read_twice_is_damage_of_that_file_alone() -> None:
    store = placed()
    store.files[b"pkg/data/a"] = flipped(b"alpha")
    result = check(store)
    assert result.outcome is Outcome.FAIL
    assert only(result) == (Code.DIGEST_MISMATCH, b"data/a")
    assert (result.good, result.bad, result.unread) == (3, 1, 0)
    assert store.opened.count(b"pkg/data/a") == 2
    expected = {"size_bytes": 5, "sha256": sha256(b"alpha").hexdigest()}
    assert result.findings[0].parameters["expected"] == expected
    assert result.findings[0].parameters["observed"] == {
        "size_bytes": 5,
        "sha256": sha256(flipped(b"alpha")).hexdigest(),
    }


def test_bad_then_good_is_an_unstable_read_and_never_silent() -> None:
    store = placed()
    store.faults[b"pkg/data/a"] = [flipped]
    result = check(store)
    assert result.outcome is Outcome.PASS
    assert only(result) == (Code.UNSTABLE_READ, b"data/a")
    assert result.observed_root == record_of().root()


def test_what_cannot_be_read_is_unread_never_missing_and_never_damage() -> None:
    store = placed()
    store.faults[b"pkg/data/a"] = [io_error] * 3
    result = check(store)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result) == (Code.UNREADABLE, b"data/a")
    assert (result.good, result.bad, result.unread) == (3, 0, 1)
    assert result.evidence is Evidence.LISTED
    assert result.observed_root is None


def test_unreadable_once_and_bad_once_is_not_yet_damage() -> None:
    store = placed()
    store.faults[b"pkg/data/a"] = [io_error, flipped, io_error]
    assert only(check(store))[0] is Code.UNREADABLE
    store.faults[b"pkg/data/a"] = [io_error, flipped, flipped]
    assert only(check(store))[0] is Code.DIGEST_MISMATCH
    store.faults[b"pkg/data/a"] = [io_error, flipped, unchanged]
    assert only(check(store))[0] is Code.UNSTABLE_READ


def test_a_file_that_changes_while_it_is_read_is_not_judged() -> None:
    store = placed()
    changes = iter(range(100))

    def touch(path: bytes) -> None:
        if path == b"pkg/data/a":
            store.versions[path] = next(changes)

    store.on_read = touch
    result = check(store)
    # Its content is right each time, but nobody can say of which moment it is.
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result) == (Code.CHANGED_WHILE_READ, b"data/a")


def test_truncated_deleted_replaced_and_added_are_told_apart() -> None:
    store = placed()
    store.files[b"pkg/data/a"] = b"al"
    assert only(check(store)) == (Code.SIZE_MISMATCH, b"data/a")

    store = placed()
    del store.files[b"pkg/data/a"]
    assert only(check(store)) == (Code.MISSING, b"data/a")

    store = placed()
    store.kinds[b"pkg/data/a"] = Kind.SYMLINK
    result = check(store)
    assert only(result) == (Code.WRONG_KIND, b"data/a")
    assert "symlink" in result.findings[0].message

    store = placed()
    store.files[b"pkg/data/new"] = b"x"
    result = check(store)
    assert result.outcome is Outcome.FAIL
    assert only(result) == (Code.UNTRACKED, b"data/new")
    assert (result.good, result.bad) == (4, 1)


def test_a_changed_manifest_is_named_as_such() -> None:
    store = placed()
    store.files[b"pkg/manifest-sha256.txt"] = b"other sums"
    assert only(check(store)) == (Code.MANIFEST_CHANGED, b"manifest-sha256.txt")


def test_a_replica_that_goes_away_meanwhile_is_not_reported_as_loss() -> None:
    store = placed()

    def pull_the_disk(path: bytes) -> None:
        store.files.clear()
        store.there = False

    store.on_read = pull_the_disk
    result = check(store)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result) == (Code.REPLICA_UNAVAILABLE, None)
    assert (result.good, result.bad, result.unread) == (0, 0, 4)


def test_another_disk_at_the_same_place_is_not_judged() -> None:
    store = placed()
    checker = ShardChecker(store, "another-uuid", Digester(("sha256",)))
    result = checker.check(b"pkg", record_of(), record_of().root(), Names())
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result)[0] is Code.REPLICA_UNAVAILABLE
    assert store.opened == []


def test_another_disk_that_takes_the_place_meanwhile_is_not_judged_though_all_is_good_on_it() -> None:
    store = placed()

    def swap(path: bytes) -> None:
        store.uuid = "another-uuid"

    store.on_read = swap
    result = check(store)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result) == (Code.REPLICA_UNAVAILABLE, None)
    assert (result.good, result.observed_root) == (0, None)


def test_a_copy_whose_folder_went_is_one_finding() -> None:
    store = placed()
    listing = Listing.gather(store.listing(b"pkg"))
    record = record_of()
    store.files.clear()
    names = names_of(listing, compare(listing, [(b"", b"", record.paths)]), {}, b"", b"")
    result = ShardChecker(store, REPLICA, Digester(("sha256",))).check(b"pkg", record, record.root(), names)
    assert result.outcome is Outcome.FAIL
    assert only(result) == (Code.COPY_MISSING, None)


def test_an_incomplete_listing_is_never_pass() -> None:
    store = placed()
    store.unlisted[b"data"] = "EACCES"
    result = check(store)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result) == (Code.LISTING_INCOMPLETE, b"data")
    assert (result.good, result.bad, result.unread) == (4, 0, 0)


def test_weaker_evidence_than_required_is_never_pass() -> None:
    store = placed()
    store.evidence = Evidence.READ
    assert check(store).outcome is Outcome.PASS
    result = check(store, required=Evidence.READ_MEDIUM)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert only(result)[0] is Code.WEAK_EVIDENCE


def test_a_root_that_does_not_match_is_never_pass_even_if_every_line_does() -> None:
    store, record = placed(), record_of()
    result = ShardChecker(store, REPLICA, Digester(("sha256",))).check(b"pkg", record, bytes(32), Names())
    assert result.outcome is Outcome.INCONCLUSIVE


def test_a_name_spelled_with_other_code_points_is_that_file_with_a_warning() -> None:
    nfc, nfd = "data/é".encode(), "data/e\u0301".encode()
    record = record_of({b"bagit.txt": b"B", nfc: b"x"})
    store = placed({b"bagit.txt": b"B", nfd: b"x"})
    result = check(store, record)
    assert result.outcome is Outcome.PASS
    assert only(result) == (Code.NAME_NORMALISATION, nfc)
    assert result.observed_root == record.root()


def test_named_paths_are_read_alone() -> None:
    store = placed()
    store.files[b"pkg/data/b"] = b"damaged"
    checker = ShardChecker(store, REPLICA, Digester(("sha256",)))
    good = checker.check_paths(b"pkg", record_of(), [b"data/a"], Names())
    assert (good.outcome, good.good, store.opened) == (Outcome.PASS, 1, [b"pkg/data/a"])
    bad = checker.check_paths(b"pkg", record_of(), [b"data/b"], Names())
    assert only(bad) == (Code.SIZE_MISMATCH, b"data/b")


@pytest.mark.parametrize("shard", [0, 1, 2])
def test_a_large_file_is_judged_by_segments(monkeypatch: pytest.MonkeyPatch, shard: int) -> None:
    for module in (inventory, __import__("checks.shards", fromlist=["x"])):
        monkeypatch.setattr(module, "SEGMENT_BYTES", 4)
    monkeypatch.setattr(inventory, "SHARD_BYTES", 4)
    content = b"aaaabbbbcc"
    segments = tuple(sha256(content[n : n + 4]).digest() for n in (0, 4, 8))
    records = list(cut([Entry(b"data/film", 10, sha256(content).digest(), segments)]))
    assert len(records) == 3
    store = MemoryStore({b"pkg/data/film": content})
    checker = ShardChecker(store, REPLICA, Digester(("sha256",)))

    def outcome(of: bytes) -> Outcome:
        store.files[b"pkg/data/film"] = of
        return checker.check(b"pkg", records[shard], records[shard].root(), Names()).outcome

    assert outcome(content) is Outcome.PASS
    damaged = bytearray(content)
    damaged[shard * 4] ^= 1
    assert outcome(bytes(damaged)) is Outcome.FAIL
    assert outcome(content + b"grown") is Outcome.FAIL
    assert outcome(content[:-1]) is Outcome.FAIL
    other = bytearray(content)
    other[(shard * 4 + 4) % 12 % 10] ^= 1
    if (shard * 4 + 4) % 12 % 10 // 4 != shard:
        assert outcome(bytes(other)) is Outcome.PASS


def test_progress_is_told_every_byte_and_can_end_the_check() -> None:
    store, seen = placed(), []

    def stop_after(count: int) -> Callable[[int], None]:
        def on_bytes(number: int) -> None:
            seen.append(number)
            if len(seen) > count:
                raise InterruptedError

        return on_bytes

    checker = ShardChecker(store, REPLICA, Digester(("sha256",)), on_bytes=stop_after(100))
    checker.check(b"pkg", record_of(), record_of().root(), Names())
    assert sum(seen) == sum(map(len, FILES.values()))
    checker = ShardChecker(store, REPLICA, Digester(("sha256",)), on_bytes=stop_after(0))
    with pytest.raises(InterruptedError):
        checker.check(b"pkg", record_of(), record_of().root(), Names())
    assert store.open_now == 0
