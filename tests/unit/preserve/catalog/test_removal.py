"""Removing a package: nothing of it is looked after, nothing is forgotten, and nothing that comes late counts."""

from datetime import timedelta

import pytest

from checks.evidence import Evidence
from preserve.catalog.acts import Act
from preserve.catalog.rows import AuditState, NewCopy
from preserve.errors import UsageError
from tests.unit.preserve.catalog.builders import DAY, START, Held, damage, digest, dump, new_package, result

LATER = START + 400 * DAY
FACTS = {"reason": "asked for by the depositor", "by": "sophea"}


def test_it_is_shown_and_due_no_longer_and_its_history_stays(held: Held) -> None:
    held.commit(0, START + DAY, damage())
    content = (100, digest(0))
    assert [file.path for file in held.catalog.holding({content})] == [b"data/f0"]
    before = held.catalog.head()[0]
    held.catalog.remove_package(held.package.id, FACTS, LATER)
    catalog = held.catalog
    assert (catalog.packages(), catalog.copies(), catalog.findings(), catalog.status_page(9)) == ([], [], [], [])
    assert catalog.due(Evidence.READ, LATER, LATER) == []
    assert sum(catalog.status_counts().packages.values()) == 0
    assert catalog.search("f0") == []
    assert list(catalog.holding({content})) == []
    assert catalog.verify_journal() is None and catalog.head()[0] == before + 1
    with pytest.raises(UsageError, match="was removed on 05 February 2027"):
        catalog.packages(["a"])
    with pytest.raises(UsageError, match="was removed on 05 February 2027"):
        catalog.remove_package(held.package.id, FACTS, LATER)
    with pytest.raises(UsageError, match="was removed on 05 February 2027"):
        catalog.add_packages([new_package()], at=LATER)


def test_a_check_that_comes_late_does_not_count_and_changes_nothing(held: Held) -> None:
    pairs = [(1, shard.id) for shard in held.shards]
    audit = held.catalog.open_audit({}, Evidence.READ, pairs, START)
    leases = held.catalog.lease(audit.id, pairs, "worker", START, ttl_seconds=60)
    held.commit(0, START + DAY, audit_id=audit.id, lease_token=leases[0].token)
    held.catalog.remove_package(held.package.id, FACTS, LATER)
    before = dump(held.path)
    late = [
        result(held.shards[1], 1, LATER, damage(b"data/f3"), audit_id=audit.id, lease_token=leases[1].token),
        result(held.shards[0], 1, LATER, audit_id=audit.id, lease_token=leases[0].token),
        result(held.shards[1], 2, LATER),
    ]
    assert held.catalog.commit_checks(late, LATER) == [False] * 3
    assert held.catalog.renew(leases[1:], LATER, 60) == [False] * (len(leases) - 1)
    assert dump(held.path) == before


def test_an_audit_goes_on_with_what_is_left(held: Held) -> None:
    other = held.catalog.add_packages([new_package("b", number=2)], at=START)[0]
    shards = held.catalog.shards(other.inventory_id)
    new = NewCopy(inventory_id=other.inventory_id, replica_id=1, location=b"b", checks=[])
    copy = held.catalog.record_copy(new, START)
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1, copy.id], START)
    held.catalog.remove_package(held.package.id, FACTS, START + DAY)
    assert held.catalog.remaining(audit.id) == [(copy.id, shard.id) for shard in shards]
    leases = held.catalog.lease(audit.id, copy.id, "worker", LATER, ttl_seconds=60)
    results = [
        result(shard, copy.id, LATER, audit_id=audit.id, lease_token=lease.token)
        for shard, lease in zip(shards, leases, strict=True)
    ]
    assert held.catalog.commit_checks(results, LATER) == [True] * len(shards)
    ended = held.catalog.end_audit(audit.id, AuditState.ENDED, LATER + timedelta(minutes=1))
    assert (ended.planned, ended.done, ended.passed) == (len(shards),) * 3


def test_what_was_done_to_a_copy_is_told_though_its_check_comes_late(held: Held) -> None:
    held.catalog.remove_package(held.package.id, FACTS, LATER)
    act = Act(kind="file-repaired", copy_id=1, body={})
    assert held.catalog.record_acts([act], [result(held.shards[0], 1, LATER)], LATER) == [held.catalog.head()[0]]


def test_no_copy_is_recorded_of_a_package_that_was_removed_meanwhile(held: Held) -> None:
    assert held.catalog.copies_left(held.package.id) == []
    held.catalog.remove_package(held.package.id, FACTS, LATER)
    assert [copy.id for copy in held.catalog.copies_left(held.package.id)] == [1, 2]
    before = dump(held.path)
    with pytest.raises(UsageError, match="removed meanwhile"):
        held.catalog.record_copy(held.new_copy(1), LATER)
    assert dump(held.path) == before


def test_a_copy_is_deleted_only_when_its_package_was_removed(held: Held) -> None:
    with pytest.raises(ValueError, match="still looked after"):
        held.catalog.copy_deleted(1, FACTS, LATER)
    held.catalog.remove_package(held.package.id, FACTS, LATER)
    held.catalog.copy_deleted(1, FACTS, LATER)
    assert [copy.id for copy in held.catalog.copies_left(held.package.id)] == [2]
    kinds = [link.kind for link in held.catalog.journal_of(held.package.id)]
    assert kinds[-2:] == ["package-removed", "copy-deleted"]
