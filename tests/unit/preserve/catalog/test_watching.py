"""What is of the day: the heartbeat, alerts, channels; and what the journal tells of replicas and runs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event

from checks.evidence import Evidence
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AlertRow, AuditState, ChannelRow, Heartbeat, ReadAge, Speed
from tests.unit.preserve.catalog.builders import DAY, START, Held, result

LATER = START + 10 * DAY
BEAT = Heartbeat(
    at=START,
    holder="host:1:2",
    host="host",
    every_seconds=30.5,
    next_run_at=START + DAY,
    audit_id=None,
    version="1.0",
)
ALERT = AlertRow(key="damaged:nas", first_at=START, last_at=START, count=3, detail={"files": 7, "name": "ទំព័រ"})


def test_the_last_heartbeat_stands(catalog: Catalog) -> None:
    assert catalog.heartbeat() is None
    catalog.beat(BEAT)
    assert catalog.heartbeat() == BEAT
    earlier = replace(BEAT, at=START - DAY, next_run_at=None, audit_id=7)  # by a clock that was set back
    catalog.beat(earlier)
    assert catalog.heartbeat() == earlier


# --- alerts


def test_alerts_are_kept_by_their_keys(catalog: Catalog) -> None:
    silent = replace(ALERT, key="silent", detail={}, sent_at=LATER, closed_at=LATER)
    catalog.save_alerts([silent, ALERT])
    assert catalog.alerts() == [ALERT, silent]
    worse = replace(ALERT, last_at=LATER, count=4, detail={"files": 9})
    catalog.save_alerts([worse])
    assert catalog.alerts() == [worse, silent]


def test_acknowledging_is_taken_down_in_the_journal(catalog: Catalog) -> None:
    catalog.save_alerts([ALERT, replace(ALERT, key="silent"), replace(ALERT, key="gone", closed_at=LATER)])
    assert catalog.acknowledge(["silent", "damaged:nas", "gone", "unheard-of"], "dara", "disk is ordered", LATER) == [
        "damaged:nas",
        "silent",
    ]
    assert {row.key: (row.acknowledged_at, row.acknowledged_by) for row in catalog.alerts()} == {
        "damaged:nas": (LATER, "dara"),
        "silent": (LATER, "dara"),
        "gone": (None, ""),
    }
    *_, last = catalog.journal()
    said = json.loads(last.body)
    assert last.kind == "alert-acknowledged"
    assert (said["alerts"], said["by"], said["note"]) == (["damaged:nas", "silent"], "dara", "disk is ordered")
    assert list(catalog.check()) == []


def test_acknowledging_nothing_that_stands_writes_nothing(catalog: Catalog) -> None:
    before = catalog.head()
    assert catalog.acknowledge(["silent"], "dara", "", LATER) == []
    assert catalog.head() == before


def test_an_acknowledgement_that_came_in_between_is_not_lost(catalog: Catalog) -> None:
    catalog.save_alerts([ALERT])
    seen = catalog.alerts()
    catalog.acknowledge([ALERT.key], "dara", "", LATER)
    catalog.save_alerts(seen)
    (row,) = catalog.alerts()
    assert (row.acknowledged_at, row.acknowledged_by) == (LATER, "dara")


def test_what_got_worse_since_it_was_acknowledged_can_speak_again(catalog: Catalog) -> None:
    catalog.save_alerts([ALERT])
    catalog.acknowledge([ALERT.key], "dara", "", LATER)
    worse = replace(ALERT, last_at=LATER + DAY, count=4)
    catalog.save_alerts([worse])
    assert catalog.alerts() == [worse]


def test_a_channel_fails_since_it_first_failed_and_until_it_gets_through(catalog: Catalog) -> None:
    catalog.channel_told("mail", True, "", START)
    catalog.channel_told("hook", False, "refused", START)
    for day in (1, 2):
        catalog.channel_told("mail", False, f"no answer {day}", START + day * DAY)
    mail = ChannelRow(name="mail", last_ok_at=START, failed_at=START + DAY, why="no answer 2")
    assert catalog.channels() == [ChannelRow(name="hook", last_ok_at=None, failed_at=START, why="refused"), mail]
    catalog.channel_told("mail", True, "", LATER)
    assert catalog.channels()[1] == ChannelRow(name="mail", last_ok_at=LATER, failed_at=None, why="")


# --- what the journal tells of replicas


def test_the_last_link_of_a_kind_is_told_for_each_replica_in_use(held: Held) -> None:
    disk, nas = (str(UUID(int=n)) for n in (1, 2))
    told = [("self-test", disk, LATER + DAY), ("self-test", nas, LATER), ("replica-surveyed", nas, LATER)]
    for kind, uuid, at in [*told, ("self-test", disk, LATER)]:
        held.catalog.record_of_itself(kind, {"replica": uuid, "passed": True}, at)
    tests = held.catalog.latest_by_replica("self-test")
    assert {uuid: at for uuid, (at, _) in tests.items()} == {disk: LATER, nas: LATER}
    assert tests[disk][1]["passed"] is True
    assert held.catalog.latest_by_replica("replica-surveyed").keys() == {nas}
    held.catalog.remove_replica("nas", LATER)
    assert held.catalog.latest_by_replica("self-test").keys() == {disk}
    assert list(held.catalog.check()) == []


def test_the_last_links_are_read_from_an_index(held: Held) -> None:
    plans: list[str] = []

    def explain(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "FROM journal" in statement:
            raw = cursor.connection  # type: ignore[attr-defined]
            plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(held.catalog._engine, "before_cursor_execute", explain)
    held.catalog.latest_by_replica("self-test")
    held.catalog.last_backed_up()
    event.remove(held.catalog._engine, "before_cursor_execute", explain)
    assert plans == ["SEARCH journal USING INDEX journal_by_kind (kind=?)"] * 2


# --- runs of what is due


def run(
    held: Held, scope: Mapping[str, object], at: int, state: AuditState = AuditState.ENDED, reason: str = ""
) -> None:
    audit = held.catalog.open_audit({"due": True, **scope}, Evidence.READ, [], START + at * DAY)
    held.catalog.end_audit(audit.id, state, START + at * DAY, reason=reason)


def runs(held: Held) -> dict[str, int]:
    return {name: (at - START) // DAY for name, at in held.catalog.last_due_runs().items()}


def test_each_replica_has_its_own_last_run(held: Held) -> None:
    assert runs(held) == {}
    run(held, {"replicas": ["disk"]}, 1)
    assert runs(held) == {"disk": 1}
    run(held, {"replicas": ["nas"], "away": {"disk": "not mounted"}}, 2)  # it was tried, too
    assert runs(held) == {"disk": 2, "nas": 2}
    run(held, {}, 3)  # by a program that named none: it was over all
    assert runs(held) == {"disk": 3, "nas": 3}


def test_the_last_run_is_the_last_that_was_opened_whatever_the_clock_said(held: Held) -> None:
    run(held, {"replicas": ["disk"]}, 400)
    run(held, {"replicas": ["disk"]}, 2)
    assert runs(held) == {"disk": 2}


@pytest.mark.parametrize(
    ("reason", "counts"), [("hours", True), ("budget-time", True), ("", False), ("stopped", False), ("died", False)]
)
def test_a_run_that_stopped_counts_if_its_time_was_over(held: Held, reason: str, counts: bool) -> None:
    run(held, {"replicas": ["disk"]}, 1, AuditState.STOPPED, reason)
    assert runs(held) == ({"disk": 1} if counts else {})


def test_what_was_not_due_or_of_some_packages_only_is_no_run_of_the_replica(held: Held) -> None:
    run(held, {"replicas": ["disk"], "due": False}, 1)
    run(held, {"replicas": ["disk"], "packages": ["a"]}, 2)
    held.catalog.open_audit({"due": True, "replicas": ["disk"]}, Evidence.READ, [], LATER)
    run(held, {"replicas": ["taken out long ago"]}, 3)
    assert runs(held) == {}


def test_why_an_audit_stopped_stands_until_it_goes_on(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1], LATER)
    stopped = held.catalog.end_audit(audit.id, AuditState.STOPPED, LATER, reason="stopped", abandoned=2)
    assert stopped.reason == "stopped"
    *_, last = held.catalog.journal()
    assert json.loads(last.body)["abandoned"] == 2
    assert held.catalog.reopen_audit(audit.id, {}, LATER).reason == ""
    assert list(held.catalog.check()) == []


# --- what was measured


def test_speed_is_measured_over_the_time_in_which_something_was_read(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1, 2], LATER)
    seconds = {1: [(0, 10), (2, 8), (10, 20), (50, 60), (3600, 3610), (3610, 3620)], 2: [(0, 100)]}
    for lease in held.catalog.lease(audit.id, held.catalog.remaining(audit.id), "x", LATER, ttl_seconds=9):
        place = [shard.id for shard in held.shards].index(lease.shard_id)
        if place < len(seconds[lease.copy_id]):
            began, ended = (LATER + timedelta(seconds=n) for n in seconds[lease.copy_id][place])
            made = result(held.shards[place], lease.copy_id, began, ended_at=ended, bytes_read=1000)
            more = replace(made, audit_id=audit.id, lease_token=lease.token)
            assert held.catalog.commit_checks([more], ended) == [True]
    # 0 to 60, with a pause that is no longer than a minute, and 3600 to 3620.
    assert held.catalog.speeds(START) == {1: Speed(bytes=6000, seconds=80.0), 2: Speed(bytes=1000, seconds=100.0)}
    assert held.catalog.speeds(LATER + timedelta(seconds=3610)) == {1: Speed(bytes=1000, seconds=10.0)}


def test_a_shard_that_was_read_while_the_clock_was_set_is_no_measure(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1], LATER)
    for lease in held.catalog.lease(audit.id, held.catalog.remaining(audit.id)[:3], "x", LATER, ttl_seconds=9):
        place = [shard.id for shard in held.shards].index(lease.shard_id)
        began = LATER + timedelta(seconds=10 * place)
        ended = began + (timedelta(days=400) if place == 2 else timedelta(seconds=10))
        made = result(held.shards[place], 1, began, ended_at=ended, bytes_read=1000)
        assert held.catalog.commit_checks([replace(made, audit_id=audit.id, lease_token=lease.token)], ended) == [True]
    assert held.catalog.speeds(START) == {1: Speed(bytes=2000, seconds=20.0)}


def test_nothing_measured_is_no_speed(held: Held) -> None:
    assert held.catalog.speeds(START) == {}


def test_ages_are_counted_by_day_replica_and_collection(unread: Held) -> None:
    unread.commit(0, START)
    unread.commit(1, START + timedelta(hours=23))
    unread.commit(2, START + DAY, evidence=Evidence.READ)
    plain = ReadAge(replica_id=1, replica="disk", collection="c", evidence=Evidence.READ, day=None, shards=0, bytes=0)
    size = [shard.bytes_to_read for shard in unread.shards]
    count = len(size)
    assert unread.catalog.read_ages() == [
        replace(plain, shards=count - 3, bytes=sum(size[3:])),
        replace(plain, day=START.date(), shards=2, bytes=size[0] + size[1]),
        replace(plain, day=(START + DAY).date(), shards=1, bytes=size[2]),
        replace(plain, replica_id=2, replica="nas", shards=count, bytes=sum(size)),
    ]
    medium = unread.catalog.read_ages(Evidence.READ_MEDIUM)
    assert [(one.replica, one.day, one.shards) for one in medium] == [
        ("disk", None, count - 2),
        ("disk", START.date(), 2),
        ("nas", None, count),
    ]
    unread.catalog.remove_replica("nas", LATER)
    assert {one.replica for one in unread.catalog.read_ages()} == {"disk"}
