"""False greens of choosing and marking: what is read when, and what counts as read."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from sqlalchemy import true

from checks import policy
from checks.evidence import Evidence
from checks.policy import Candidate, DueItem, Promise, Urgency
from preserve.app import runs
from preserve.audit.left import Left
from preserve.audit.planning import Planner, Request
from preserve.audit.policies import SettingsPolicies
from preserve.audit.reading import ShardReader, Stopped
from preserve.audit.schedule import due_now
from preserve.catalog import audits, states
from preserve.catalog.audits import Audits
from preserve.catalog.due import Due
from preserve.catalog.leases import Leases
from preserve.catalog.moments import micros
from preserve.catalog.rows import AuditState, Lease
from preserve.progress import Silent
from tests.fault.false_greens.stage import DAY, LIE, MISTAKE, PAST_PROMISE, PAST_TARGET, FalseGreen, Guard, Stage


def _mistake(*_: object, **__: object) -> None:
    raise RuntimeError(MISTAKE)


def test_verified_is_stamped_when_claimed(stage: Stage) -> None:
    stage.later(PAST_PROMISE)
    stage.patch.setattr(ShardReader, "_judge", _mistake)
    assert stage.audit("--due")[0] == 3
    assert "overdue:nas" in stage.watch()[1], f"{LIE}: nothing was read"


def test_a_reading_that_failed_is_stamped_as_verified(stage: Stage) -> None:
    stage.later(PAST_PROMISE)
    stage.break_file(stage.file("nas"))
    assert stage.audit("--due")[0] == 3
    assert "overdue:nas" in stage.watch()[1], f"{LIE}: one file was not read"


def test_what_could_not_be_read_is_forgotten_by_the_next_run(stage: Stage) -> None:
    stage.break_file(stage.file("nas"))
    assert stage.audit()[0] == 3
    status, told = stage.audit("--due")
    assert told["counts"]["checks_planned"] == 0, "it waits"
    assert status == 3, LIE


def test_last_sync_is_set_though_the_run_aborted(stage: Stage) -> None:
    stage.later(PAST_PROMISE)
    stop = Event()

    def stopped(*_: object) -> None:
        stop.set()
        raise Stopped

    stage.patch.setattr(ShardReader, "check", stopped)
    with stage.placed.open() as workspace:
        ran = runs.run_due(workspace, Request(due=True, replicas=("nas",)), Silent(), stop)
        assert [audit.state for audit in ran.audits] == [AuditState.STOPPED]
        assert "nas" in due_now(runs.run_plans(workspace), workspace.clock()), f"{LIE}: it waits a whole period"


def test_never_checked_rows_sort_last(stage: Stage) -> None:
    with stage.placed.open() as workspace, workspace.catalog.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE shard_state SET read_at = NULL, read_medium_at = NULL WHERE copy_id ="
            " (SELECT max(copy.id) FROM copy JOIN replica ON replica.id = replica_id WHERE replica.name = 'nas')"
        )
    stage.later(PAST_TARGET)
    stage.audit("--due", "--budget", "1B")
    assert stage.checked(stage.last_audit()) == {"box-1"}, f"{LIE}: what was never read waits behind all others"


def test_overdue_for_too_long_is_never_checked_again(stage: Stage) -> None:
    stage.later(4000 * DAY)
    status, told = stage.audit("--due")
    assert (status, told["counts"]["checks_done"]) == (0, 2), f"{LIE}: nothing is due"
    assert "overdue:nas" not in stage.watch()[1]


def test_the_interval_is_confused_with_the_deadline(stage: Stage) -> None:
    stage.later(PAST_TARGET)
    assert "overdue:nas" not in stage.watch()[1]
    assert stage.audit("--due")[1]["counts"]["checks_done"] == 2, f"{LIE}: it is read when the promise is broken"


def test_random_samples_without_coverage(stage: Stage) -> None:
    read = set[str]()
    for night in range(2):
        stage.later(PAST_TARGET + night * DAY)
        stage.audit("--due", "--budget", "1B")
        read |= stage.checked(stage.last_audit())
    assert read == {"box-0", "box-1"}, f"{LIE}: after as many nights as there are parts, some were never read"


def test_a_marker_instead_of_the_set_of_what_is_done(stage: Stage) -> None:
    """The first of two is left undone, the second is done: going on means the first."""
    check, left = ShardReader.check, list[int]()

    def all_but_the_first(self: ShardReader, hand: Any, files: Any) -> Any:
        left[:] = left or [min(pair[0] for pair in self._catalog.remaining(hand.audit.id))]
        if hand.copy.id == left[0]:
            raise Stopped
        return check(self, hand, files)

    with pytest.MonkeyPatch.context() as fault:
        fault.setattr(ShardReader, "check", all_but_the_first)
        assert stage.audit()[0] == 3, LIE
    audit = stage.last_audit()
    assert (audit.planned, audit.done, audit.state) == (2, 1, AuditState.STOPPED)
    with stage.placed.open() as workspace:
        (undone,) = [copy.package for copy in workspace.catalog.copies() if copy.id == left[0]]
    stage.flip(stage.file("nas", undone))
    assert stage.preserve("audit", "--resume", str(audit.id))[0] == 1, LIE


def _stamped_when_leased(stage: Stage) -> None:
    lease = Leases.lease

    def stamping(self: Leases, audit_id: int, pairs: Any, holder: str, now: Any, **how: Any) -> list[Lease]:
        leases = lease(self, audit_id, pairs, holder, now, **how)
        rows = [(micros(now), micros(now), one.copy_id, one.shard_id) for one in leases]
        if rows:
            with self.writing() as connection:
                connection.exec_driver_sql(
                    "UPDATE shard_state SET read_at = ?, read_medium_at = ? WHERE copy_id = ? AND shard_id = ?", rows
                )
        return leases

    stage.patch.setattr(Leases, "lease", stamping)


def _urgency_but(stage: Stage, other: Callable[..., Urgency | None]) -> None:
    urgency = policy.urgency

    def patched(candidate: Candidate, promise: Promise, now: Any) -> Urgency | None:
        return other(urgency(candidate, promise, now), candidate, promise, now)

    stage.patch.setattr(policy, "urgency", patched)


def _never_is_last(stage: Stage) -> None:
    _urgency_but(stage, lambda how, *_: Urgency.REGULAR if how is Urgency.NEVER_READ else how)


def _old_falls_out(stage: Stage) -> None:
    _urgency_but(stage, lambda how, one, promise, now: how if now - one.read_at < 2 * promise.max_age else None)


def _target_is_the_deadline(stage: Stage) -> None:
    promise = SettingsPolicies.promise

    def confused(self: SettingsPolicies, collection: str, replica: str) -> Promise:
        right = promise(self, collection, replica)
        return replace(right, target_age=right.max_age)

    stage.patch.setattr(SettingsPolicies, "promise", confused)


def _dice(stage: Stage) -> None:
    dice = random.Random(1)

    def sampled(self: Planner, found: Any, replicas: Any, away: Any, budget: Any, now: datetime) -> Any:
        rows = self._catalog.due(Evidence.READ, now, now, [replica.id for replica in replicas])
        for replica in replicas:
            list(found.on(replica, budget))  # so that it knows their names
        every = sorted(rows, key=lambda row: row.copy_id)
        return [DueItem(candidate=dice.choice(every), urgency=Urgency.REGULAR)], Left()

    stage.patch.setattr(Planner, "_chosen", sampled)


def _a_marker(stage: Stage) -> None:
    """The last that was done stands for all before it; then an audit's end needs no more either."""
    end = Audits.end_audit

    def after_the_last(self: Audits, audit_id: int) -> list[tuple[int, int]]:
        with self.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT copy_id, shard_id FROM audit_item WHERE audit_id = ? AND (copy_id, shard_id) >"
                " (SELECT coalesce(max(copy_id), 0), 0 FROM audit_item WHERE audit_id = ? AND check_number IS NOT NULL)"
                " AND check_number IS NULL ORDER BY copy_id, shard_id",
                (audit_id, audit_id),
            ).all()
        return [(copy_id, shard_id) for copy_id, shard_id in rows]

    def content(self: Audits, audit_id: int, *how: Any, **more: Any) -> Any:
        with self.writing() as connection:
            connection.exec_driver_sql("UPDATE audit SET planned = done WHERE id = ?", (audit_id,))
        return end(self, audit_id, *how, **more)

    stage.patch.setattr(Audits, "remaining", after_the_last)
    stage.patch.setattr(Audits, "end_audit", content)


GUARDS = {
    "test_verified_is_stamped_when_claimed": FalseGreen(
        "Merritt",
        "a file was stamped as verified when its turn came, not when it had been read",
        (
            Guard(
                "a shard's time moves in the transaction that records its reading, and nowhere else",
                _stamped_when_leased,
            ),
        ),
    ),
    "test_a_reading_that_failed_is_stamped_as_verified": FalseGreen(
        "the same, one step on",
        "the stamp stood though the reading had failed",
        (
            Guard(
                "only a reading of all that is expected moves a time",
                lambda stage: stage.patch.setattr(states, "reached", lambda result: Evidence.READ_MEDIUM),
            ),
        ),
    ),
    "test_what_could_not_be_read_is_forgotten_by_the_next_run": FalseGreen(
        "Riprap's, one step on",
        "what had been skipped was not in the next run either, which was green",
        (
            Guard(
                "what waits to be tried again is counted, and a run with such is not green",
                lambda stage: stage.patch.setattr(Due, "waiting", lambda *_: 0),
            ),
        ),
    ),
    "test_last_sync_is_set_though_the_run_aborted": FalseGreen(
        "ACE",
        "an aborted run counted as the last one, so that the next waited a whole period",
        (
            Guard(
                "a run counts only if it came to its end, or to the limits set for it",
                lambda stage: stage.patch.setattr(audits, "_TRIED", true()),
            ),
        ),
    ),
    "test_never_checked_rows_sort_last": FalseGreen(
        "preservation_catalog",
        "rows that were never checked sorted behind all that were",
        (Guard("never read is more urgent than any age", _never_is_last),),
    ),
    "test_overdue_for_too_long_is_never_checked_again": FalseGreen(
        "APTrust",
        "the queue's filter had a lower bound: what was overdue for too long was never checked again",
        (Guard("age has no lower bound anywhere", _old_falls_out),),
    ),
    "test_the_interval_is_confused_with_the_deadline": FalseGreen(
        "users of Ceph",
        "the interval aimed at was taken for the one promised",
        (
            Guard(
                "`target_age` and `max_age` are two settings; what is due is due by the target", _target_is_the_deadline
            ),
        ),
    ),
    "test_random_samples_without_coverage": FalseGreen(
        "figgy",
        "random samples were checked: nobody could say that all ever were",
        (Guard("the oldest goes first", _dice),),
    ),
    "test_a_marker_instead_of_the_set_of_what_is_done": FalseGreen(
        "borg",
        "a check that was interrupted went on after the last that was done; what was left out before it stayed so",
        (Guard("what an audit has done is a set, and it ends only when all of it is done", _a_marker),),
    ),
}
