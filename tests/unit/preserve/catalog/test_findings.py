"""Findings as they are kept, and the verdicts across copies that follow from them."""

from datetime import timedelta
from uuid import UUID

import pytest

from checks.evidence import Evidence
from checks.findings import Code, Finding
from checks.verdicts import CopyState, Verdict
from tests.unit.preserve.catalog.builders import COPY_MISSING, DAY, LARGE, START, UNAVAILABLE, Held, damage, unreadable

LATER = START + DAY


def test_a_finding_is_opened_seen_again_and_closed(held: Held) -> None:
    held.commit(0, LATER, damage())
    held.commit(0, LATER + DAY, damage())
    [row] = held.catalog.findings()
    second = timedelta(seconds=1)
    assert (row.opened_at, row.seen_at, row.closed_at) == (LATER + second, LATER + DAY + second, None)
    assert (row.package, row.replica, row.code) == ("a", "disk", Code.DIGEST_MISMATCH)
    assert row.finding.parameters == {"expected": {"size_bytes": 1}}
    held.commit(0, LATER + 2 * DAY)
    assert held.catalog.findings() == []
    [row] = held.catalog.findings(open_only=False)
    assert row.closed_at == LATER + 2 * DAY + second
    assert held.catalog.findings(open_only=False, since=LATER + 3 * DAY) == []
    assert held.catalog.findings([row.package_id], [1], open_only=False, since=LATER) == [row]
    assert held.catalog.findings([99]) == held.catalog.findings(replica_ids=[2], open_only=False) == []


def test_a_file_in_several_shards_has_one_error_until_each_of_them_was_read_well(held: Held) -> None:
    first, second, third = (
        next(n for n, shard in enumerate(held.shards) if shard.id == shard_id)
        for shard_id in held.catalog.shard_ids_of(held.package.inventory_id, LARGE)
    )
    held.commit(first, LATER, unreadable(LARGE), unread=1)
    for place in (second, third):
        held.commit(place, LATER, damage(LARGE))
    [row] = held.catalog.findings()
    assert row.code is Code.DIGEST_MISMATCH
    assert held.catalog.copies()[0].damage == 1
    held.commit(third, LATER + DAY)
    held.commit(first, LATER + DAY)
    assert held.open() == {(1, LARGE, "digest-mismatch")}, "the segment that is bad was not read again"
    held.commit(second, LATER + DAY)
    assert held.open() == set()


def test_copy_wide_findings_are_one_for_the_copy(held: Held) -> None:
    for shard in (0, 1):
        held.commit(shard, LATER, UNAVAILABLE, unread=3, good=0, bytes_read=0)
    [row] = held.catalog.findings()
    assert (row.code, row.finding.path) == (Code.REPLICA_UNAVAILABLE, None)
    assert held.catalog.copies()[0].undetermined == 1
    held.commit(2, LATER + DAY)
    assert held.open() == set()


def test_paths_that_are_not_utf8_come_back(held: Held) -> None:
    finding = Finding(code=Code.UNTRACKED, path=b"data/\xff\n", parameters={"observed": {"size_bytes": 1}})
    held.commit(len(held.shards) - 1, LATER, finding)
    assert held.catalog.findings()[0].finding == finding


@pytest.mark.parametrize(
    ("disk", "nas", "verdict"),
    [
        ((), (), Verdict.INTACT),
        ((damage(),), (), Verdict.DEGRADED),
        ((damage(),), (damage(),), Verdict.LOST),
        ((damage(),), (damage(b"data/f1"),), Verdict.DEGRADED),
        ((damage(),), (unreadable(),), Verdict.UNKNOWN),
        ((unreadable(),), (), Verdict.UNKNOWN),
        ((Finding(code=Code.MOVED, path=b"data/f0", parameters={"found_at": "x"}),), (damage(),), Verdict.DEGRADED),
        ((Finding(code=Code.UNTRACKED, path=b"data/f00"),), (), Verdict.DEGRADED),
        ((Finding(code=Code.UNTRACKED, path=b"data/f00"),), (UNAVAILABLE,), Verdict.DEGRADED),
        ((COPY_MISSING,), (), Verdict.DEGRADED),
        ((COPY_MISSING,), (COPY_MISSING,), Verdict.LOST),
        ((COPY_MISSING,), (UNAVAILABLE,), Verdict.UNKNOWN),
        ((UNAVAILABLE,), (), Verdict.UNKNOWN),
        ((Finding(code=Code.UNSTABLE_READ, path=b"data/f0"),), (), Verdict.INTACT),
        ((Finding(code=Code.LISTING_INCOMPLETE, path=b"data"),), (), Verdict.UNKNOWN),
        ((COPY_MISSING,), (damage(),), Verdict.LOST),
    ],
)
def test_a_package_is_as_good_as_its_worst_file(
    held: Held, disk: tuple[Finding, ...], nas: tuple[Finding, ...], verdict: Verdict
) -> None:
    for copy, findings in ((1, disk), (2, nas)):
        if findings:
            unread = sum(finding.code in (Code.UNREADABLE, Code.REPLICA_UNAVAILABLE) for finding in findings)
            held.commit(0, LATER, *findings, copy=copy, unread=unread)
    assert held.verdict() == verdict


def test_the_verdict_of_a_file_says_where_it_is_good(held: Held) -> None:
    held.commit(0, LATER, Finding(code=Code.MOVED, path=b"data/f0", parameters={"found_at": "data/g0"}))
    [file] = held.catalog.file_verdicts(held.package.id)
    assert (file.path, file.verdict) == (b"data/f0", Verdict.DEGRADED)
    assert (file.good_on, file.bad_on, file.elsewhere) == (("nas",), ("disk",), {"disk": "data/g0"})


def test_a_copy_that_was_not_read_there_vouches_for_nothing(unread: Held) -> None:
    assert unread.verdict() == "unknown"
    unread.commit(0, LATER, damage())
    assert unread.verdict() == "unknown"
    assert unread.catalog.file_verdicts(unread.package.id)[0].states["nas"] is CopyState.UNREAD
    unread.commit(0, LATER, copy=2)
    assert unread.catalog.file_verdicts(unread.package.id)[0].verdict is Verdict.DEGRADED
    assert unread.verdict() == "degraded"
    unread.commit(0, LATER + DAY)
    assert unread.verdict() == "unknown", "the other shards were never read"


def test_a_large_file_was_read_when_all_its_segments_were(unread: Held) -> None:
    of_large = [
        place
        for place, shard in enumerate(unread.shards)
        if shard.id in unread.catalog.shard_ids_of(unread.package.inventory_id, LARGE)
    ]
    unread.commit(of_large[0], LATER, damage(LARGE))
    for place in of_large[:2]:
        unread.commit(place, LATER, copy=2)
    assert unread.catalog.file_verdicts(unread.package.id)[0].states["nas"] is CopyState.UNREAD
    unread.commit(of_large[2], LATER, copy=2)
    assert unread.catalog.file_verdicts(unread.package.id)[0].states["nas"] is CopyState.GOOD


def test_a_removed_replica_no_longer_counts_and_may_come_back(held: Held) -> None:
    held.commit(0, LATER, damage())
    held.catalog.remove_replica("disk", LATER)
    assert held.verdict() == "intact"
    assert held.catalog.findings() == []
    assert [copy.replica for copy in held.catalog.copies()] == ["nas"]
    assert {due.replica_id for due in held.catalog.due(Evidence.READ, LATER, LATER)} == {2}
    held.catalog.remove_replica("nas", LATER)
    assert held.verdict() == "under-replicated"
    back = held.catalog.add_replica(UUID(int=1), "disk-again", LATER)
    assert (back.id, back.removed_at) == (1, None)
    assert held.verdict() == "lost", "its only copy in use has a damaged file"
    assert [row.replica for row in held.catalog.findings()] == ["disk-again"]
