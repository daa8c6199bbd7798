"""Replicas, copies, what is due, status, leases of leading, the journal, search."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event

from checks.evidence import Evidence
from checks.inventory import Entry
from checks.verdicts import Verdict
from preserve.catalog import searching
from preserve.catalog.catalog import Catalog
from preserve.catalog.journal import link_hash
from preserve.errors import UsageError
from tests.unit.preserve.catalog.builders import (
    DAY,
    LARGE,
    START,
    UNAVAILABLE,
    Held,
    damage,
    digest,
    entries,
    new_package,
    result,
)

LATER = START + DAY


def test_a_copy_is_recorded_with_the_checks_that_read_it_back(held: Held) -> None:
    disk, nas = held.catalog.copies()
    assert (disk.shards, disk.shards_read, disk.oldest_read_at) == (len(held.shards),) * 2 + (START,)
    assert (disk.replica, disk.package, disk.location, disk.current) == ("disk", "a", b"a", True)
    assert held.catalog.copies([held.package.id], [2]) == [nas]
    assert held.catalog.copies([99]) == []
    kinds = [row.kind for row in held.catalog.journal()]
    assert kinds.count("copy-recorded") == 2
    assert kinds.count("check") == 2 * len(held.shards)
    assert held.verdict() == "intact"
    assert held.catalog.evidence_of([1, 2]) == {1: Evidence.READ_MEDIUM, 2: Evidence.READ_MEDIUM}


def test_a_shard_that_was_not_read_back_was_never_read(unread: Held) -> None:
    [copy, _] = unread.catalog.copies()
    assert (copy.shards_read, copy.oldest_read_at) == (0, None)
    unread.commit(0, LATER)
    [copy, _] = unread.catalog.copies()
    assert (copy.shards_read, copy.oldest_read_at) == (1, None)


def test_a_copy_is_recorded_once_and_only_where_it_can_lie(held: Held) -> None:
    before = held.dump()
    for wrong in (held.new_copy(1), held.new_copy(9), replace(held.new_copy(1), inventory_id=99)):
        with pytest.raises(UsageError):
            held.catalog.record_copy(wrong, LATER)
    assert held.dump() == before


def test_replicas_have_names_and_identities_of_their_own(held: Held) -> None:
    for uuid, name in ((UUID(int=1), "other"), (UUID(int=9), "disk")):
        with pytest.raises(UsageError):
            held.catalog.add_replica(uuid, name, LATER)
    held.catalog.remove_replica("disk", LATER)
    with pytest.raises(UsageError, match="no replica is called disk"):
        held.catalog.remove_replica("disk", LATER)
    held.catalog.add_replica(UUID(int=9), "disk", LATER)
    assert [row.name for row in held.catalog.replicas()] == ["disk", "nas"]
    assert [row.removed_at for row in held.catalog.replicas(include_removed=True)] == [LATER, None, None]
    with pytest.raises(UsageError, match="in use"):
        held.catalog.record_copy(held.new_copy(1), LATER)


def test_never_read_is_due_before_the_oldest(unread: Held) -> None:
    unread.commit(3, START + 2 * DAY)
    unread.commit(2, START + DAY)
    due = unread.catalog.due(Evidence.READ, START + 9 * DAY, LATER, [1])
    assert [one.shard_id for one in due[-2:]] == [unread.shards[2].id, unread.shards[3].id]
    assert [one.read_at for one in due] == [None] * (len(due) - 2) + [START + DAY, START + 2 * DAY]
    assert len(due) == len(unread.shards)
    assert (due[0].files, due[0].bytes_to_read) == (unread.shards[0].files, unread.shards[0].bytes_to_read)


def test_the_oldest_of_all_replicas_comes_first_up_to_the_limit(held: Held) -> None:
    for number, (copy, shard) in enumerate([(2, 1), (1, 1), (2, 0), (1, 0)]):
        held.commit(shard, START - DAY + timedelta(hours=number), copy=copy)
    everything = held.catalog.due(Evidence.READ, START + DAY, LATER)
    assert len(everything) == 2 * len(held.shards)
    for limit in range(1, len(everything)):
        assert held.catalog.due(Evidence.READ, START + DAY, LATER, limit=limit) == everything[:limit]
    assert held.catalog.due(Evidence.READ, START - DAY, LATER) == []
    assert held.catalog.due(Evidence.READ, START + DAY, LATER, []) == []


def test_weaker_evidence_does_not_serve_where_stronger_is_required(held: Held) -> None:
    held.commit(0, LATER, evidence=Evidence.READ)
    assert held.shards[0].id not in {d.shard_id for d in held.catalog.due(Evidence.READ, LATER, LATER, [1])}
    assert held.shards[0].id in {d.shard_id for d in held.catalog.due(Evidence.READ_MEDIUM, LATER, LATER, [1])}
    for level in Evidence:
        assert held.catalog.oldest(level) == {1: START, 2: START}


def test_what_waits_is_not_due_and_still_overdue(held: Held) -> None:
    held.commit(0, LATER, UNAVAILABLE, unread=3)
    now = LATER + timedelta(seconds=10)
    assert len(held.catalog.due(Evidence.READ, now, now, [1])) == len(held.shards) - 1
    assert held.catalog.overdue_counts(Evidence.READ, now) == {1: len(held.shards), 2: len(held.shards)}
    assert len(held.catalog.due(Evidence.READ, now, now + DAY, [1])) == len(held.shards)


def test_an_older_version_is_still_audited(held: Held) -> None:
    held.catalog.add_packages([new_package(files=entries(2))], at=LATER)
    assert {due.copy_id for due in held.catalog.due(Evidence.READ, LATER, LATER)} == {1, 2}


@pytest.mark.parametrize("level", [Evidence.READ, Evidence.READ_MEDIUM])
def test_the_due_list_is_read_from_an_index(held: Held, level: Evidence) -> None:
    plans: list[str] = []

    def explain(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "shard_state" in statement:
            raw = cursor.connection  # type: ignore[attr-defined]
            plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(held.catalog._engine, "before_cursor_execute", explain)
    held.catalog.due(level, LATER, LATER)
    held.catalog.overdue_counts(level, LATER)
    event.remove(held.catalog._engine, "before_cursor_execute", explain)
    assert plans
    assert not [line for line in plans if line.startswith("SCAN shard_state")]
    assert len([line for line in plans if "COVERING INDEX due_read" in line]) == 8


def test_status_shows_the_worst_first(held: Held) -> None:
    held.catalog.add_packages([new_package("b", number=2), new_package("c", number=3)], at=START)
    held.commit(0, LATER, damage())
    page = held.catalog.status_page(2)
    assert [(package.identifier, package.verdict) for package, _ in page] == [
        ("a", Verdict.DEGRADED),
        ("b", Verdict.UNDER_REPLICATED),
    ]
    assert [[copy.replica for copy in copies] for _, copies in page] == [["disk", "nas"], []]
    assert [package.identifier for package, _ in held.catalog.status_page(9, only_bad_first=False)] == ["a", "b", "c"]


def test_status_counts_packages_and_shards(held: Held) -> None:
    counts = held.catalog.status_counts()
    assert counts.packages[Verdict.INTACT] == 1
    assert sum(counts.packages.values()) == 1
    disk, nas = counts.replicas
    assert (disk.copies, disk.shards, disk.shards_read, disk.oldest_read_at) == (1, *(len(held.shards),) * 2, START)
    held.commit(0, LATER, damage(), copy=2)
    assert [line.damage for line in held.catalog.status_counts().replicas] == [0, 1]
    assert nas.damage == 0


def test_whole_packages_with_too_few_copies_are_counted_apart(held: Held) -> None:
    assert held.catalog.status_counts(2).packages[Verdict.INTACT] == 1
    counts = held.catalog.status_counts(3).packages
    assert (counts[Verdict.INTACT], counts[Verdict.UNDER_REPLICATED]) == (0, 1)


def test_one_leads(catalog: Catalog) -> None:
    assert catalog.claim_leadership("one", START, 60)
    assert not catalog.claim_leadership("two", START + timedelta(seconds=59), 60)
    assert catalog.claim_leadership("one", START + timedelta(seconds=59), 60), "claiming again prolongs"
    assert not catalog.claim_leadership("two", START + timedelta(seconds=100), 60)
    assert catalog.claim_leadership("two", START + timedelta(seconds=119), 60)
    assert not catalog.claim_leadership("one", START + timedelta(seconds=119), 60)
    catalog.release_leadership("one")
    assert not catalog.claim_leadership("one", START + timedelta(seconds=120), 60)
    catalog.release_leadership("two")
    assert catalog.claim_leadership("one", START + timedelta(seconds=120), 60)


def test_only_one_of_many_threads_leads(catalog: Catalog) -> None:
    won: list[str] = []
    start = threading.Barrier(8)

    def claim(name: str) -> None:
        start.wait()
        if catalog.claim_leadership(name, START, 60):
            won.append(name)

    threads = [threading.Thread(target=claim, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_leases_are_disjoint_between_threads_and_their_tokens_rise(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1, 2], LATER)
    given: list[tuple[int, int, int]] = []

    def work(name: str) -> None:
        with Catalog.open(held.path) as own:  # another process, as far as SQLite knows
            while leases := own.lease(audit.id, own.remaining(audit.id), name, LATER, ttl_seconds=60, limit=1):
                given.extend((lease.copy_id, lease.shard_id, lease.token) for lease in leases)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({pair[:2] for pair in given}) == len(given) == 2 * len(held.shards)
    assert sorted(token for *_, token in given) == list(range(1, len(given) + 1))


def test_leases_are_renewed_and_released(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1], LATER)
    first, *_ = held.catalog.lease(audit.id, 1, "one", LATER, ttl_seconds=60)
    at = LATER + timedelta(seconds=59)
    assert held.catalog.renew([first], at, 60) == [True]
    others = held.catalog.lease(audit.id, 1, "two", LATER + timedelta(seconds=70), ttl_seconds=60)
    assert first.shard_id not in {lease.shard_id for lease in others}
    held.catalog.release([first])
    assert held.catalog.renew([first], at, 60) == [False]
    [again] = held.catalog.lease(audit.id, 1, "two", at, ttl_seconds=60)
    held.catalog.release([first])
    assert held.catalog.renew([again], at, 60) == [True], "an old lease releases nothing of its successor"
    held.catalog.release([again, *others])
    assert len(held.catalog.lease(audit.id, 1, "three", at, ttl_seconds=60)) == len(held.shards)


def test_the_journal_is_one_chain_of_exact_bytes(held: Held) -> None:
    held.commit(0, LATER, damage())
    previous = bytes(32)
    rows = list(held.catalog.journal())
    for number, row in enumerate(rows, 1):
        assert (row.number, row.previous) == (number, previous)
        previous = link_hash(number, previous, row.body)
        assert row.hash == previous
        assert json.loads(row.body)["kind"] == row.kind
    assert held.catalog.head() == (len(rows), previous)
    assert held.catalog.verify_journal() is None
    assert list(held.catalog.journal(after=len(rows) - 1)) == rows[-1:]
    assert json.loads(rows[-1].body)["findings"] == [
        {"code": "digest-mismatch", "path": "data/f0", "parameters": {"expected": {"size_bytes": 1}}}
    ]


@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        ("UPDATE journal SET body = replace(body, 'pass', 'fail') WHERE number = 7", 7),
        ("UPDATE journal SET kind = 'other' WHERE number = 5", 5),
        ("DELETE FROM journal WHERE number = 6", 6),
        ("DELETE FROM journal WHERE number > 9", 10),
        ("UPDATE journal_head SET number = 9", 10),
        ("UPDATE journal_head SET hash = zeroblob(32)", 18),
    ],
)
def test_a_change_of_the_journal_shows(held: Held, harm: str, broken: int) -> None:
    assert held.catalog.head()[0] == 18
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql("DELETE FROM shard_check")
        connection.exec_driver_sql("DELETE FROM event")
        connection.exec_driver_sql(harm)
    assert held.catalog.verify_journal() == broken


@pytest.fixture
def searched(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setattr(searching, "_LEAST_BLOCKS", 0)
    monkeypatch.setattr(searching, "BLOCK_FILES", 4)
    yield catalog


def test_search_finds_parts_of_names_with_and_without_an_index(searched: Catalog) -> None:
    files = [Entry(f"data/ព្រះ/{name}".encode(), 1, digest(name)) for name in ("Alpha.TIF", "beta.tif", "gamma.xml")]
    searched.add_packages([new_package("one", sorted(files)), new_package("two", number=2)], at=START)
    for _ in range(2):
        assert [path for _, path in searched.search("ALPHA")] == [files[0].path]
        assert len(searched.search(".tif")) == 3
        assert searched.search("ះ/b") == [("one", files[1].path)]
        assert searched.search(LARGE.decode()) == [("two", LARGE)], "once, though it lies in three shards"
        assert searched.search("a", 2) == searched.search("a")[:2]
        assert searched.search("") == searched.search("nothing like it") == searched.search("a\0d") == []
        searched.index_names()
    searched.add_packages([new_package("three", files=[Entry(b"data/late", 1, digest(1))], number=3)], at=START)
    assert searched.search("LATE") == [("three", b"data/late")], "before it is indexed"
    assert searched.index_names() == 1
    assert searched.search("LATE") == [("three", b"data/late")]
    assert searched.index_names() == 0
    everything = searched.search("data", 1000)
    searched.index_names(rebuild=True)
    assert searched.search("data", 1000) == everything


def test_search_speaks_of_current_versions(searched: Catalog) -> None:
    searched.add_packages([new_package(files=[Entry(b"data/old", 1, digest(1))])], at=START)
    searched.index_names()
    searched.add_packages([new_package(files=[Entry(b"data/new", 1, digest(1))])], at=START)
    assert searched.search("data/") == [("a", b"data/new")]


def test_reading_goes_on_while_another_thread_writes(held: Held) -> None:
    stop = threading.Event()
    faults: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                held.catalog.copies()
                held.catalog.findings()
                held.catalog.record(held.shards[0].id)
        except BaseException as error:  # noqa: BLE001
            faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(30):
        made = result(held.shards[0], 1, LATER + number * DAY, *([damage()] if number % 2 else []))
        held.catalog.commit_checks([made], LATER)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert held.catalog.verify_journal() is None
