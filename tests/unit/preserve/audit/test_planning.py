"""A run sets out to read what each collection's promise makes due, with the evidence that it asks for."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import pytest

from checks.evidence import Evidence
from checks.hours import Hours
from checks.policy import Promise, Urgency, Wanted
from config import Every, Limits
from config.windows import Window
from preserve.audit.left import Left
from preserve.audit.planning import Planner, Request
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import NewCopy
from preserve.errors import UsageError
from tests.unit.preserve.catalog.builders import DAY, START, Held, entries, new_package, result, unreadable

DUE = Request(due=True)
LIMITS = Limits(
    every=Every(interval=DAY),
    hours=(),
    budget_bytes=None,
    budget_time=None,
    rate_bytes_per_second=None,
    concurrency=None,
    grace=DAY,
)


@dataclass
class Policies:
    """A year for `slow`, ten days for all else; `nas` has limits of its own."""

    levels: dict[str, Evidence] = field(default_factory=dict)
    nas: Limits = LIMITS

    def promise(self, collection: str, replica: str) -> Promise:
        days = 365 if collection == "slow" else 10
        return Promise(max_age=days * DAY, target_age=days * DAY)

    def evidence(self, collection: str, replica: str) -> Evidence:
        return self.levels.get(collection, Evidence.READ)

    def limits(self, replica: str) -> Limits:
        return self.nas if replica == "nas" else LIMITS

    def hours(self, replica: str) -> Hours:
        return Hours(self.limits(replica).hours, UTC)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    """Package `a` of collection `c` in shards, read through on `disk` and `nas` at the start."""
    made = Held(tmp_path)
    yield made
    made.catalog.close()


def planner(held: Held, now: datetime, policies: Policies | None = None) -> Planner:
    return Planner(held.catalog, lambda: now, policies or Policies(), Evidence.READ)


def add(catalog: Catalog, collection: str, *, evidence: Evidence = Evidence.READ) -> None:
    """Another package with a copy on `disk`, read through at the start."""
    package = replace(new_package("b", entries(4, large=False), number=2), collection=collection)
    catalog.add_packages([package], at=START)
    inventory = catalog.packages(["b"])[0].inventory_id
    checks = [result(shard, 0, START, evidence=evidence) for shard in catalog.shards(inventory)]
    catalog.record_copy(NewCopy(inventory_id=inventory, replica_id=1, location=b"b", checks=checks), START)


def test_when_nothing_is_due_an_audit_of_nothing_says_that_somebody_looked(held: Held) -> None:
    run = planner(held, START + DAY).due(DUE, held.catalog.replicas(), {})
    assert [audit.planned for audit in run.audits] == [0]
    assert run.urgencies == {}


def test_what_is_past_its_promise_is_planned_on_the_replicas_that_are_there(held: Held) -> None:
    disk, _ = held.catalog.replicas()
    run = planner(held, START + 11 * DAY).due(DUE, [disk], {"nas": "not mounted"})
    assert set(run.urgencies) == {(1, shard.id) for shard in held.shards}
    assert set(run.urgencies.values()) == {Urgency.PAST_PROMISE}
    (audit,) = run.audits
    expected = {"due": True, "replicas": ["disk"], "away": {"nas": "not mounted"}, "waiting": 0}
    assert {name: audit.scope[name] for name in expected} == expected
    assert held.catalog.remaining(audit.id) == sorted(run.urgencies)


def test_each_level_of_evidence_that_is_promised_has_its_own_audit(held: Held) -> None:
    add(held.catalog, "deep")
    policies = Policies(levels={"deep": Evidence.READ_MEDIUM})
    run = planner(held, START + 11 * DAY, policies).due(DUE, held.catalog.replicas()[:1], {})
    assert [audit.required for audit in run.audits] == [Evidence.READ, Evidence.READ_MEDIUM]
    by_copy = {copy_id: how for (copy_id, _), how in run.urgencies.items()}
    assert by_copy == {1: Urgency.PAST_PROMISE, 3: Urgency.NEVER_READ}


def test_a_collection_that_is_not_due_hides_nothing_of_one_that_is(held: Held) -> None:
    """Though it fills all that is asked for at once, being as old."""
    add(held.catalog, "slow")
    with patch("preserve.audit.planning.DUE_AT_ONCE", 1):
        run = planner(held, START + 30 * DAY).due(DUE, held.catalog.replicas()[:1], {})
    assert run.urgencies and {copy_id for copy_id, _ in run.urgencies} == {1}


def test_what_was_tried_in_vain_does_not_hide_what_was_not(held: Held) -> None:
    late = START + 30 * DAY
    held.commit(0, late, unreadable(), unread=1)
    with patch("preserve.audit.planning.DUE_AT_ONCE", 1):
        run = planner(held, late + DAY).due(DUE, held.catalog.replicas()[:1], {})
    assert {shard_id for _, shard_id in run.urgencies} > {held.shards[0].id}


def test_a_replicas_budget_is_its_own_and_that_of_the_request_is_for_all(held: Held) -> None:
    now, sizes = START + 11 * DAY, {shard.id: shard.bytes_to_read for shard in held.shards}
    policies = Policies(nas=replace(LIMITS, budget_bytes=1))
    run = planner(held, now, policies).due(DUE, held.catalog.replicas(), {})
    assert [copy_id for copy_id, _ in run.urgencies].count(2) == 1
    assert [copy_id for copy_id, _ in run.urgencies].count(1) == len(sizes)
    small = planner(held, now).due(replace(DUE, budget_bytes=1), held.catalog.replicas(), {})
    assert len(small.urgencies) == 1


def test_outside_the_hours_of_a_replica_only_what_was_asked_for_is_planned_there(held: Held) -> None:
    night = Window(days=frozenset(range(7)), start_minute=22 * 60, stop_minute=6 * 60)
    noon = START + 11 * DAY + timedelta(hours=12)
    held.catalog.ask_reading([(2, held.shards[0].id)], Wanted.ASKED, "Sok", START + DAY)
    policies = Policies(nas=replace(LIMITS, hours=(night,)))
    run = planner(held, noon, policies).due(DUE, held.catalog.replicas()[1:], {})
    assert run.urgencies == {(2, held.shards[0].id): Urgency.ASKED}


def test_what_is_due_while_the_hours_are_shut_is_counted_and_said(held: Held) -> None:
    night = Window(days=frozenset(range(7)), start_minute=22 * 60, stop_minute=6 * 60)
    noon, policies = START + 11 * DAY + timedelta(hours=12), Policies(nas=replace(LIMITS, hours=(night,)))
    held.catalog.ask_reading([(2, held.shards[0].id)], Wanted.ASKED, "Sok", START + DAY)
    run = planner(held, noon, policies).due(DUE, held.catalog.replicas()[1:], {})
    others = len(held.shards) - 1
    assert run.left == Left(shut={"nas": others}, past_promise=others)
    assert run.audits[0].scope["shut"] == {"nas": others}
    assert run.audits[0].scope["past_promise"] == others
    nothing = planner(held, START + DAY, policies).due(DUE, held.catalog.replicas()[1:], {})
    assert nothing.left == Left() and "shut" not in nothing.audits[0].scope


def test_what_is_due_on_a_replica_that_is_away_is_counted(held: Held) -> None:
    disk, _ = held.catalog.replicas()
    run = planner(held, START + 11 * DAY).due(DUE, [], {"disk": "in a safe", "nas": "not mounted"})
    assert run.left.away == {"disk": len(held.shards), "nas": len(held.shards)}
    assert run.left.past_promise == 2 * len(held.shards)
    add(held.catalog, "slow")
    some = planner(held, START + 11 * DAY).due(replace(DUE, packages=("b",)), [], {disk.name: "in a safe"})
    assert some.left == Left(), "what was not asked for is not counted"


def test_what_no_budget_was_left_for_is_counted(held: Held) -> None:
    now, policies = START + 11 * DAY, Policies(nas=replace(LIMITS, budget_bytes=1))
    run = planner(held, now, policies).due(DUE, held.catalog.replicas()[1:], {})
    assert run.left.not_now == {"nas": len(held.shards) - 1}
    small = planner(held, now).due(replace(DUE, budget_bytes=1), held.catalog.replicas(), {})
    assert sum(small.left.not_now.values()) == 2 * len(held.shards) - 1


def test_only_the_packages_asked_for_are_planned(held: Held) -> None:
    add(held.catalog, "c")
    run = planner(held, START + 11 * DAY).due(replace(DUE, packages=("b",)), held.catalog.replicas(), {})
    assert {copy_id for copy_id, _ in run.urgencies} == {3}


def test_without_any_copy_there_is_nothing_to_audit(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "empty.sqlite", START) as catalog:
        catalog.add_replica(UUID(int=1), "disk", START)
        made = Planner(catalog, lambda: START, Policies(), Evidence.READ)
        with pytest.raises(UsageError, match="no copy"):
            made.due(DUE, catalog.replicas(), {})
        with pytest.raises(UsageError, match="no copy"):
            made.open(Request(), [], catalog.replicas())


def test_a_budget_without_due_takes_what_was_not_read_for_longest(held: Held) -> None:
    held.commit(0, START + DAY)
    audit = planner(held, START + 2 * DAY).open(Request(budget_bytes=1), [], held.catalog.replicas()[:1])
    ((copy_id, shard_id),) = held.catalog.remaining(audit.id)
    assert copy_id == 1 and shard_id != held.shards[0].id
