"""Committing checks: fenced, once, all or nothing, and never better than what was read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, Lease
from preserve.errors import UsageError
from tests.unit.preserve.catalog.builders import (
    COPY_MISSING,
    DAY,
    START,
    UNAVAILABLE,
    Held,
    damage,
    digest,
    result,
    unreadable,
)

LATER = START + 10 * DAY


def opened(held: Held, required: Evidence = Evidence.READ_MEDIUM) -> AuditRow:
    return held.catalog.open_audit_of_copies({}, required, [1, 2], LATER)


def leased(held: Held, audit: AuditRow, shard: int = 0, holder: str = "worker") -> Lease:
    pair = 1, held.shards[shard].id
    [lease] = held.catalog.lease(audit.id, [pair], holder, LATER, ttl_seconds=60)
    return lease


def under(held: Held, lease: Lease, *findings: Finding, **more: object) -> CheckResult:
    shard = held.catalog.shard(lease.shard_id)
    more = {"audit_id": lease.audit_id, "lease_token": lease.token, **more}
    return result(shard, lease.copy_id, LATER, *findings, **more)  # type: ignore[arg-type]


def test_a_check_moves_the_levels_it_reached_to_its_own_start(held: Held) -> None:
    held.commit(0, LATER, evidence=Evidence.READ)
    times = held.catalog.shard_times(1, held.shards[0].id).at
    assert times[Evidence.READ] == LATER
    assert times[Evidence.READ_MEDIUM] == START
    assert times[Evidence.LISTED] == LATER


def test_the_check_that_comes_in_last_says_when_a_shard_was_read_even_if_it_began_earlier(held: Held) -> None:
    held.commit(0, LATER)
    held.commit(0, LATER - DAY)
    assert held.catalog.shard_times(1, held.shards[0].id).at[Evidence.READ] == LATER - DAY


@pytest.mark.parametrize(
    ("findings", "unread"),
    [
        ((unreadable(),), 1),
        ((UNAVAILABLE,), 3),
        ((Finding(code=Code.LISTING_INCOMPLETE, path=b"data"),), 0),
        ((Finding(code=Code.WEAK_EVIDENCE),), 0),
        ((Finding(code=Code.CHANGED_WHILE_READ, path=b"data/f1"),), 1),
    ],
)
def test_an_inconclusive_check_moves_no_time_and_clears_no_damage(
    held: Held, findings: tuple[Finding, ...], unread: int
) -> None:
    held.commit(0, START + DAY, damage(b"data/f2"))
    before = held.catalog.shard_times(1, held.shards[0].id)
    made = held.commit(0, LATER, *findings, unread=unread)
    assert made.outcome is Outcome.INCONCLUSIVE
    assert held.catalog.shard_times(1, held.shards[0].id) == before
    assert (1, b"data/f2", "digest-mismatch") in held.open()
    assert held.catalog.copies()[0].damage == 1
    assert held.verdict() == "degraded"


def test_what_could_not_be_determined_waits_longer_each_time(held: Held) -> None:
    shard, at = held.shards[0].id, LATER
    waits = []
    for _ in range(14):
        made = held.commit(0, at, unreadable(), unread=1)
        [due] = [d for d in held.catalog.due(Evidence.READ, LATER, LATER + 1000 * DAY, [1]) if d.shard_id == shard]
        assert due.not_before is not None
        waits.append((due.not_before - made.ended_at).total_seconds())
        at = due.not_before
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == 86_400
    held.commit(0, at)
    [due] = [d for d in held.catalog.due(Evidence.READ, at + DAY, at + DAY, [1]) if d.shard_id == shard]
    assert due.not_before is None


@pytest.mark.parametrize(
    "findings", [(damage(), unreadable(b"data/f1")), (COPY_MISSING,)], ids=["damage and unread", "copy missing"]
)
def test_a_failed_check_that_did_not_read_all_waits_too(held: Held, findings: tuple[Finding, ...]) -> None:
    """It is as due as before, and first in the list: without a wait it would be read for ever, and nothing else."""
    unread = sum(finding.code is Code.UNREADABLE for finding in findings)
    held.commit(0, LATER, *findings, unread=unread, evidence=Evidence.LISTED)
    due = held.catalog.due(Evidence.READ, LATER, LATER + timedelta(seconds=30), [1])
    assert held.shards[0].id not in {one.shard_id for one in due}
    assert held.catalog.overdue_counts(Evidence.READ, LATER)[1] == len(held.shards)


def test_named_paths_say_nothing_of_their_shard(held: Held) -> None:
    before = held.catalog.shard_times(1, held.shards[0].id)
    held.commit(0, LATER, paths=[b"data/f0"], observed_root=None)
    held.commit(0, LATER, unreadable(), unread=1, paths=[b"data/f0"])
    assert held.catalog.shard_times(1, held.shards[0].id) == before
    assert held.catalog.due(Evidence.READ, START + DAY, LATER, [1])[0].not_before is None


def test_a_worker_that_came_back_late_changes_nothing(held: Held) -> None:
    audit = opened(held)
    lost = leased(held, audit)
    again = held.catalog.lease(audit.id, 1, "other", LATER + timedelta(seconds=61), ttl_seconds=60)
    assert again[0].shard_id == lost.shard_id
    before = held.dump()
    assert held.catalog.commit_checks([under(held, lost, damage())], LATER) == [False]
    assert held.dump() == before
    assert held.catalog.commit_checks([under(held, again[0])], LATER) == [True]
    assert held.catalog.commit_checks([under(held, lost, damage())], LATER) == [False]
    assert held.open() == set()


def test_a_lease_that_ran_out_but_went_to_nobody_still_counts(held: Held) -> None:
    lease = leased(held, opened(held))
    assert held.catalog.commit_checks([under(held, lease)], LATER + DAY) == [True]


def test_a_retry_is_told_yes_and_counted_once(held: Held) -> None:
    audit = opened(held)
    made = under(held, leased(held, audit), damage())
    assert held.catalog.commit_checks([made, made], LATER) == [True, True]
    before = held.dump()
    assert held.catalog.commit_checks([made], LATER) == [True]
    assert held.dump() == before
    after = held.catalog.audit(audit.id)
    assert (after.done, after.failed, after.files_bad) == (1, 1, 1)


def test_what_was_stopped_takes_no_late_results(held: Held) -> None:
    audit = opened(held)
    made = under(held, leased(held, audit))
    held.catalog.end_audit(audit.id, AuditState.STOPPED, LATER)
    assert held.catalog.commit_checks([made], LATER) == [False]
    assert len(held.catalog.remaining(audit.id)) == 2 * len(held.shards)


def test_one_fenced_result_does_not_hold_up_the_others(held: Held) -> None:
    audit = opened(held)
    first, second = leased(held, audit, 0), leased(held, audit, 1)
    wrong = replace(under(held, first, damage()), lease_token=second.token + 1000)
    assert held.catalog.commit_checks([wrong, under(held, second)], LATER) == [False, True]
    assert held.open() == set()
    assert (1, first.shard_id) in held.catalog.remaining(audit.id)


def test_an_audit_counts_what_it_did(held: Held) -> None:
    audit = opened(held)
    results = [
        under(held, leased(held, audit, 0)),
        under(held, leased(held, audit, 1), damage(b"data/f3")),
        under(held, leased(held, audit, 2), unreadable(b"data/f6"), unread=1),
    ]
    held.catalog.commit_checks(results, LATER)
    after = held.catalog.audit(audit.id)
    assert (after.planned, after.done, after.passed, after.failed, after.inconclusive) == (
        2 * len(held.shards),
        *(3, 1, 1, 1),
    )
    assert after.files_bad == after.files_unread == 1
    assert after.bytes_read == sum(shard.bytes_to_read for shard in held.shards[:3])
    disk, nas = held.catalog.audit_checks(audit.id)
    assert (disk.replica, disk.done, disk.evidence) == ("disk", 3, Evidence.LISTED)
    assert (nas.replica, nas.done, nas.evidence, nas.started_at) == ("nas", 0, None, None)
    with pytest.raises(ValueError, match="3 of"):
        held.catalog.end_audit(audit.id, AuditState.ENDED, LATER)


def test_resuming_knows_the_set_of_what_is_left(held: Held) -> None:
    audit = opened(held)
    held.catalog.commit_checks([under(held, leased(held, audit, 1))], LATER)
    held.catalog.end_audit(audit.id, AuditState.STOPPED, LATER)
    with pytest.raises(UsageError, match="not running"):
        leased(held, audit)
    held.catalog.reopen_audit(audit.id, {"by": "me"}, LATER)
    left = held.catalog.remaining(audit.id)
    assert left == [(copy, s.id) for copy in (1, 2) for s in held.shards if (copy, s.id) != (1, held.shards[1].id)]
    for lease in held.catalog.lease(audit.id, left, "me", LATER, ttl_seconds=60):
        held.catalog.commit_checks([under(held, lease)], LATER)
    ended = held.catalog.end_audit(audit.id, AuditState.ENDED, LATER)
    assert (ended.state, ended.done) == (AuditState.ENDED, ended.planned)


@pytest.mark.parametrize(
    "change",
    [
        {"unread": 1},
        {"bad": 1},
        {"observed_root": None},
        {"observed_root": digest("other")},
        {"findings": (damage(),)},
        {"findings": (unreadable(),)},
        {"evidence": Evidence.CLAIMED},
        {"shard_id": 10_000},
        {"ended_at": START},
    ],
    ids=str,
)
def test_no_pass_that_its_own_figures_do_not_bear_out(held: Held, change: dict[str, object]) -> None:
    made = under(held, leased(held, opened(held)))
    before = held.dump()
    with pytest.raises(ValueError, match=r"cannot|no shard|did not set out"):
        held.catalog.commit_checks([replace(made, **change)], LATER)  # type: ignore[arg-type]
    assert held.dump() == before


def test_all_of_a_batch_or_nothing_wherever_it_breaks(held: Held) -> None:
    """Breaks at the first statement, at the second, … until none is left: nothing is ever there by half."""
    held.commit(0, START + DAY, damage(b"data/f2"), unreadable(b"data/f1"), unread=1)
    audit = opened(held)
    results = [
        under(held, leased(held, audit, 0), damage(b"data/f1"), UNAVAILABLE, unread=1),
        under(held, leased(held, audit, 1)),
    ]
    before = held.dump()
    for number in count(1):
        with breaking(held, number) as broken:
            try:
                held.catalog.commit_checks(results, LATER)
            except InterruptedError:
                assert held.dump() == before
        if not broken:
            break
    assert number > 10
    assert held.catalog.audit(audit.id).done == 2
    assert held.catalog.verify_journal() is None


@contextmanager
def breaking(held: Held, number: int) -> Iterator[list[int]]:
    """Raises after that many statements."""
    done = count(1)
    broken: list[int] = []

    def after(*_: object) -> None:
        if next(done) == number:
            broken.append(number)
            raise InterruptedError

    engine = held.catalog._engine
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield broken
    finally:
        event.remove(engine, "after_cursor_execute", after)


def claimed(held: Held, *findings: Finding, evidence: Evidence = Evidence.CLAIMED, unread: int = 0) -> CheckResult:
    """What a provider said of the first shard, as an audit that asked for no more records it."""
    audit = opened(held, Evidence.CLAIMED)
    made = under(held, leased(held, audit), *findings, evidence=evidence, unread=unread)
    assert held.catalog.commit_checks([made], LATER) == [True]
    return made


def test_what_a_provider_claims_moves_no_time_of_reading(held: Held) -> None:
    claimed(held)
    times = held.catalog.shard_times(1, held.shards[0].id).at
    assert times[Evidence.CLAIMED] == LATER
    assert times[Evidence.READ] == times[Evidence.READ_MEDIUM] == START


@pytest.mark.parametrize("found", [damage(b"data/f2"), unreadable(b"data/f2")])
def test_what_a_provider_claims_closes_nothing_that_a_reading_found(held: Held, found: Finding) -> None:
    held.commit(0, START + DAY, found, unread=int(found.code is Code.UNREADABLE))
    before = held.open()
    claimed(held)
    assert held.open() == before


def test_what_could_not_be_read_stays_due_whatever_its_provider_claims(held: Held) -> None:
    held.commit(0, START + DAY, unreadable(), unread=1)
    claimed(held)
    due = held.catalog.due(Evidence.READ, LATER, LATER + DAY, [1])
    assert [one.failures for one in due if one.shard_id == held.shards[0].id] == [1]


def test_a_file_without_a_claim_is_told_by_the_check_and_is_no_doubt_about_the_copy(held: Held) -> None:
    made = claimed(held, Finding(code=Code.NO_CLAIM, path=b"data/f1"), evidence=Evidence.SIZED, unread=1)
    assert made.outcome is Outcome.INCONCLUSIVE
    assert held.open() == set() and held.catalog.copies()[0].undetermined == 0
