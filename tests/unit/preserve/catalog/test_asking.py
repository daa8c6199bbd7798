"""What is wanted stays wanted until it was read, and is a candidate whatever else holds."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from checks.evidence import Evidence
from checks.policy import Wanted
from preserve.catalog.acts import Act
from preserve.catalog.rows import AuditState, DueShard
from tests.unit.preserve.catalog.builders import (
    DAY,
    LARGE,
    START,
    UNAVAILABLE,
    Held,
    damage,
    entries,
    new_package,
    result,
    unreadable,
)

LATER = START + 10 * DAY


def wanted(held: Held) -> dict[tuple[int, int], Wanted | None]:
    """What is wanted of both replicas, where nothing is too old."""
    return {
        (one.copy_id, one.shard_id): one.wanted
        for replica in (1, 2)
        for one in held.catalog.candidates(replica, Evidence.READ, START, START + 20 * DAY)
    }


def repair(held: Held, path: bytes, copy: int = 1) -> None:
    act = Act(kind="file-repaired", copy_id=copy, body={"path": path.decode()})
    held.catalog.record_acts([act], [], LATER)


def shards(held: Held, *places: int) -> set[tuple[int, int]]:
    return {(1, held.shards[place].id) for place in places}


def test_shards_or_whole_copies_can_be_asked_for(held: Held) -> None:
    pair = (1, held.shards[0].id)
    assert held.catalog.ask_reading([pair, pair], Wanted.ASKED, "dara", LATER) == 1
    assert wanted(held) == {pair: Wanted.ASKED}
    assert held.catalog.ask_reading([2], Wanted.ASKED, "dara", LATER) == len(held.shards)
    assert len(wanted(held)) == 1 + len(held.shards)
    links = [link for link in held.catalog.journal_of(held.package.id) if link.kind == "reading-asked"]
    assert len(links) == 2
    assert list(held.catalog.check()) == []


def test_it_is_known_on_which_replicas_a_person_asked(held: Held) -> None:
    repair(held, b"data/f0")
    assert held.catalog.asked_on(LATER) == frozenset()
    held.catalog.ask_reading([(1, held.shards[0].id)], Wanted.ASKED, "dara", LATER)
    assert held.catalog.asked_on(LATER) == {1}
    held.commit(0, LATER)
    assert held.catalog.asked_on(LATER) == frozenset()
    held.catalog.ask_reading([2], Wanted.ASKED, "dara", LATER)
    held.catalog.remove_replica("nas", LATER)
    assert held.catalog.asked_on(LATER) == frozenset()


def test_what_was_asked_for_and_tried_in_vain_waits_before_a_run_is_begun_for_it_again(held: Held) -> None:
    held.catalog.ask_reading([(1, held.shards[0].id)], Wanted.ASKED, "dara", LATER)
    held.commit(0, LATER, unreadable())
    assert held.catalog.asked_on(LATER + timedelta(seconds=30)) == frozenset()
    assert held.catalog.asked_on(LATER + timedelta(minutes=2)) == {1}


def test_what_is_not_there_or_not_in_care_is_not_asked_for(held: Held) -> None:
    held.catalog.remove_replica("nas", START + DAY)
    before = held.dump()
    assert held.catalog.ask_reading([2, 77], Wanted.ASKED, "dara", LATER) == 0
    assert held.catalog.ask_reading([(1, 999), (77, 1)], Wanted.ASKED, "dara", LATER) == 0
    assert held.dump() == before


def test_a_reading_that_began_since_settles_it(held: Held) -> None:
    held.catalog.ask_reading([1], Wanted.ASKED, "dara", LATER)
    held.commit(0, LATER)
    held.commit(1, LATER + DAY, damage(b"data/f3"))  # what was found is another matter
    assert wanted(held).keys() == shards(held, *range(2, len(held.shards)))
    assert list(held.catalog.check()) == []


@pytest.mark.parametrize(
    ("offset", "more"),
    [
        (-timedelta(seconds=1), {}),  # it may have read the bytes before
        (DAY, {"evidence": Evidence.SIZED}),
        (DAY, {"paths": [b"data/f0"]}),
    ],
)
def test_what_is_no_whole_reading_since_does_not_settle_it(held: Held, offset: timedelta, more: dict[str, Any]) -> None:
    held.catalog.ask_reading(sorted(shards(held, 0)), Wanted.ASKED, "dara", LATER)
    held.commit(0, LATER + offset, **more)
    assert wanted(held).keys() == shards(held, 0)


def test_what_could_not_be_read_stays_wanted_and_is_no_candidate_less_while_it_waits(held: Held) -> None:
    held.catalog.ask_reading(sorted(shards(held, 0)), Wanted.ASKED, "dara", LATER)
    held.commit(0, LATER, UNAVAILABLE, unread=3)
    (one,) = held.catalog.candidates(1, Evidence.READ, START, LATER + timedelta(seconds=2))
    assert one.not_before is not None and one.not_before > LATER + timedelta(seconds=2)
    assert (one.wanted, one.failures) == (Wanted.ASKED, 1)


def test_a_repair_has_every_shard_of_the_file_read_again(held: Held) -> None:
    repair(held, LARGE)
    lies_in = [place for place, shard in enumerate(held.shards) if LARGE in held.catalog.record(shard.id).paths]
    assert len(lies_in) > 1
    assert wanted(held) == dict.fromkeys(shards(held, *lies_in), Wanted.REPAIRED)
    held.catalog.ask_reading([1], Wanted.ASKED, "dara", LATER)
    repair(held, b"data/f0")
    assert set(wanted(held).values()) == {Wanted.ASKED}  # a repair does not make less of what a person asked for
    assert list(held.catalog.check()) == []


def test_asking_makes_more_of_what_a_repair_wanted(held: Held) -> None:
    repair(held, b"data/f0")
    assert wanted(held) == dict.fromkeys(shards(held, 0), Wanted.REPAIRED)
    held.catalog.ask_reading([1], Wanted.ASKED, "dara", LATER + DAY)
    assert set(wanted(held).values()) == {Wanted.ASKED}


def test_the_repair_of_what_is_not_in_the_inventory_wants_nothing_wrong(held: Held) -> None:
    held.catalog.record_acts([Act(kind="file-repaired", copy_id=1, body={})], [], LATER)
    assert wanted(held) == {}
    assert list(held.catalog.check()) == []


def test_what_a_clock_ahead_of_time_asked_for_is_settled_by_a_right_one(held: Held) -> None:
    held.catalog.ask_reading(sorted(shards(held, 0, 1)), Wanted.ASKED, "dara", LATER + 400 * DAY)
    held.commit(0, LATER)
    assert wanted(held).keys() == shards(held, 1)
    assert list(held.catalog.check()) == []


def test_what_was_read_by_an_auditor_that_fails_its_own_test_is_read_again_and_its_audit_does_not_count(
    held: Held,
) -> None:
    audit = held.catalog.open_audit_of_copies({"due": True}, Evidence.READ, [1], LATER)
    pairs = held.catalog.remaining(audit.id)
    for lease in held.catalog.lease(audit.id, pairs, "x", LATER, ttl_seconds=60):
        made = result(held.catalog.shard(lease.shard_id), 1, LATER, audit_id=audit.id, lease_token=lease.token)
        held.catalog.commit_checks([made], LATER)
    held.catalog.end_audit(audit.id, AuditState.ENDED, LATER + DAY)
    assert held.catalog.last_due_runs().keys() == {"disk", "nas"}
    assert held.catalog.disbelieve([audit.id], pairs, "it passes what is wrong", LATER + DAY) == len(pairs)
    row = held.catalog.audit(audit.id)
    assert (row.state, row.reason, row.done) == (AuditState.STOPPED, "self-test", len(pairs))
    assert wanted(held) == dict.fromkeys(pairs, Wanted.DISBELIEVED)
    assert held.catalog.last_due_runs() == {}
    assert list(held.catalog.check()) == []


def test_what_is_not_believed_is_wanted_above_all_and_unclear_until_it_is_read(held: Held) -> None:
    (first, second), third = sorted(shards(held, 0, 1)), (1, held.shards[2].id)
    held.catalog.ask_reading([first, third], Wanted.ASKED, "dara", LATER)
    held.catalog.disbelieve([], [first, second], "it passes what is wrong", LATER + DAY)
    held.catalog.ask_reading([first], Wanted.ASKED, "dara", LATER + 2 * DAY)
    repair(held, b"data/f0")
    assert wanted(held) == {first: Wanted.DISBELIEVED, second: Wanted.DISBELIEVED, third: Wanted.ASKED}
    counts = held.catalog.wanted_counts()
    assert counts == {1: {Wanted.DISBELIEVED: (2, LATER), Wanted.ASKED: (1, LATER)}}
    assert held.catalog.asked_on(LATER) == {1}
    assert held.catalog.undecided([1, 2]) == {1: 2}
    held.commit(0, LATER + 3 * DAY)
    assert held.catalog.undecided([1, 2]) == {1: 1}
    held.commit(1, LATER + 3 * DAY, damage(b"data/f3"))
    assert held.catalog.undecided([1, 2]) == {}
    assert list(held.catalog.check()) == []


# --- candidates


def candidates(held: Held, **more: object) -> list[DueShard]:
    given = {"replica_id": 1, "required": Evidence.READ, "cutoff": START + DAY, "now": LATER, **more}
    return held.catalog.candidates(**given)  # type: ignore[arg-type]


def test_candidates_tell_what_the_policy_asks(held: Held) -> None:
    held.commit(0, START + 2 * DAY)
    held.commit(1, START + 5 * DAY, UNAVAILABLE, unread=3)
    held.catalog.ask_reading([(1, held.shards[0].id)], Wanted.ASKED, "dara", LATER)
    *old, lately = candidates(held)
    assert lately.shard_id == held.shards[0].id  # the oldest come first
    assert (lately.read_at, lately.wanted, lately.failures) == (START + 2 * DAY, Wanted.ASKED, 0)
    failed = next(one for one in old if one.shard_id == held.shards[1].id)
    assert (failed.failures, failed.not_before, failed.wanted) == (1, START + 5 * DAY + timedelta(seconds=61), None)
    assert {(one.collection, one.replica_id, one.copy_id) for one in (*old, lately)} == {("c", 1, 1)}
    sizes = {(one.shard_id, one.files, one.bytes_to_read) for one in (*old, lately)}
    assert sizes == {(shard.id, shard.files, shard.bytes_to_read) for shard in held.shards}


def test_what_was_read_in_the_future_is_a_candidate(held: Held) -> None:
    for place in range(len(held.shards)):
        held.commit(place, LATER + timedelta(seconds=place))
    assert [one.shard_id for one in candidates(held, now=LATER)] == [shard.id for shard in held.shards[1:]]
    assert candidates(held, now=LATER + DAY) == []


def test_what_could_not_be_determined_is_a_candidate_when_its_wait_is_over(held: Held) -> None:
    for place in range(len(held.shards)):
        held.commit(place, LATER)
    held.commit(2, LATER, UNAVAILABLE, unread=3)
    assert candidates(held, now=LATER + timedelta(seconds=60)) == []
    (one,) = candidates(held, now=LATER + timedelta(seconds=61))
    assert (one.shard_id, one.read_at) == (held.shards[2].id, LATER)


def test_a_wait_that_a_clock_ahead_of_time_began_is_over(held: Held) -> None:
    held.commit(0, LATER + 400 * DAY, UNAVAILABLE, unread=3)
    assert held.shards[0].id in {one.shard_id for one in candidates(held)}
    assert held.shards[0].id in {one.shard_id for one in held.catalog.due(Evidence.READ, LATER, LATER, [1])}
    assert held.catalog.waiting(LATER) == 0
    assert len(held.catalog.unsettled(Evidence.READ, LATER)) == 1


def test_of_too_many_the_wanted_and_the_oldest_are_given(held: Held) -> None:
    for place in range(len(held.shards)):
        held.commit(place, START + timedelta(hours=place))
    held.catalog.ask_reading([(1, held.shards[-1].id)], Wanted.ASKED, "dara", LATER)
    given = [one.shard_id for one in candidates(held, limit=3)]
    assert given == [held.shards[place].id for place in (0, 1, len(held.shards) - 1)]


def test_copies_of_other_replicas_and_of_removed_ones_are_no_candidates(held: Held) -> None:
    assert {one.replica_id for one in candidates(held, replica_id=2)} == {2}
    held.catalog.remove_replica("nas", LATER)
    assert candidates(held, replica_id=2) == []
    held.catalog.remove_package(held.package.id, {}, LATER)
    assert candidates(held) == []


@pytest.mark.parametrize("level", [Evidence.READ, Evidence.READ_MEDIUM])
def test_candidates_are_read_from_indexes(held: Held, level: Evidence) -> None:
    more = [new_package(f"p{n}", entries(9, salt=str(n)), 100 + n) for n in range(20)]
    held.catalog.add_packages(more, at=START)
    plans: list[str] = []

    def explain(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "shard_state" in statement:
            raw = cursor.connection  # type: ignore[attr-defined]
            plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(held.catalog._engine, "before_cursor_execute", explain)
    candidates(held, required=level)
    event.remove(held.catalog._engine, "before_cursor_execute", explain)
    tables = ("shard_state", "shard", "copy", "package", "collection")
    assert not [line for line in plans if line.startswith(tuple(f"SCAN {table}" for table in tables))]
    assert len([line for line in plans if "COVERING INDEX due_read" in line]) == 3
    for index in ("unsettled", "wanted"):
        assert len([line for line in plans if f"USING INDEX {index} " in line]) == 1
