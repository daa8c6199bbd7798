"""What is a concern and what is not: a table of situations, and that nothing unknown is ever green."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checks.advice import advice
from checks.capacity import Pace
from checks.carried import bringing
from checks.concerns import CONCERNS, Concern, ConcernCode
from checks.evidence import Outcome
from checks.forecast import Load, outlook
from checks.health import concerns, outcome_of
from checks.situation import Beat, Channel, LastRun, ReplicaState, Situation

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STOPPED = LastRun(audit=4, done=1, planned=9, stopped=True)
REFUSED = Channel(name="mailto://mail", failed_at=NOW, last_ok_at=None, why="refused")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def replica(**changes: object) -> ReplicaState:
    good = ReplicaState(
        name="nas",
        copies=2,
        oldest_read_at=NOW - 30 * DAY,
        newest_read_at=NOW - DAY,
        max_age=90 * DAY,
        target_age=60 * DAY,
        last_run_at=NOW - 10 * HOUR,
        run_due_at=NOW + 14 * HOUR,
        grace=6 * HOUR,
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def situation(*replicas: ReplicaState, **changes: object) -> Situation:
    good = Situation(
        now=NOW, replicas=replicas or (replica(),), packages=2, newest_at=NOW - HOUR, backed_up_at=NOW - HOUR
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def codes(found: list[Concern]) -> list[str]:
    return [concern.code.value for concern in found]


def of(*replicas: ReplicaState, **changes: object) -> list[str]:
    return codes(concerns(situation(*replicas, **changes)))


def test_an_archive_that_was_read_in_time_is_of_no_concern() -> None:
    assert of() == []
    assert outcome_of([]) is Outcome.PASS


@pytest.mark.parametrize(
    ("changes", "code", "outcome"),
    [
        ({"there": False, "why_not": "not mounted"}, "replica-away", Outcome.INCONCLUSIVE),
        ({"there": False, "wrong": True, "why_not": "it is another"}, "wrong-replica", Outcome.INCONCLUSIVE),
        ({"damaged_files": 3, "damaged_packages": 1}, "damaged", Outcome.FAIL),
        ({"changed_files": 30, "changed_of": 40}, "mass-change", Outcome.FAIL),
        ({"unsettled_shards": 1, "unsettled_packages": 1}, "undetermined", Outcome.INCONCLUSIVE),
        ({"overdue_shards": 4, "overdue_bytes": 10**9}, "overdue", Outcome.INCONCLUSIVE),
        ({"self_test_failed": "a wrong file passed"}, "self-test-failed", Outcome.INCONCLUSIVE),
        ({"disbelieved_shards": 3}, "self-test-failed", Outcome.INCONCLUSIVE),
        ({"asked_shards": 3, "asked_since": NOW - 3 * DAY}, "asked-not-read", Outcome.PASS),
        ({"not_tested": "read-only file system"}, "not-tested-there", Outcome.PASS),
        ({"canaries": "1MiB.bin"}, "canary-damaged", Outcome.PASS),
        ({"head_not_left": "a link stands there"}, "head-not-left", Outcome.PASS),
        ({"surveyed": {"bags": 1, "folders": 0, "files": 0, "example": "x"}}, "unknown-on-replica", Outcome.PASS),
        ({"run_due_at": NOW - 7 * HOUR}, "run-late", Outcome.INCONCLUSIVE),
        ({"run_due_at": NOW - 7 * HOUR, "last_run_at": None}, "run-late", Outcome.INCONCLUSIVE),
    ],
)
def test_each_thing_that_is_wrong_with_a_replica_is_one_concern(
    changes: dict[str, object], code: str, outcome: Outcome
) -> None:
    found = concerns(situation(replica(**changes)))
    assert codes(found) == [code]
    assert found[0].key == f"{code}:nas"
    assert outcome_of(found) is outcome
    assert "?" not in found[0].message + found[0].remedy, "every parameter of the sentence is filled"


@pytest.mark.parametrize(
    ("changes", "code", "outcome"),
    [
        ({"lost_files": 2, "lost_packages": 1}, "lost", Outcome.FAIL),
        ({"altered": "link 7 is another"}, "record-altered", Outcome.FAIL),
        ({"few_packages": 2, "minimum": "3"}, "under-replicated", Outcome.INCONCLUSIVE),
        ({"degraded_packages": 1}, "damaged", Outcome.FAIL),
        ({"unknown_packages": 1}, "undetermined", Outcome.INCONCLUSIVE),
        ({"unknown_collections": ("Lettres",), "collections": ("letters",)}, "unknown-collection", Outcome.PASS),
        ({"last_run": replace(STOPPED, reason="self-test")}, "run-stopped", Outcome.INCONCLUSIVE),
        ({"backed_up_at": None, "backup_wanted": True}, "backup-late", Outcome.PASS),
        ({"backed_up_at": NOW - 8 * DAY, "backup_wanted": True}, "backup-late", Outcome.PASS),
        ({"channels": (REFUSED,)}, "channel-failed", Outcome.INCONCLUSIVE),
        ({"no_metrics": "the port is taken"}, "metrics-failed", Outcome.PASS),
        ({"newest_at": NOW + DAY}, "clock-wrong", Outcome.INCONCLUSIVE),
        ({"last_run": replace(STOPPED, reason="replica-unavailable")}, "run-stopped", Outcome.INCONCLUSIVE),
        ({"last_run": STOPPED}, "run-stopped", Outcome.INCONCLUSIVE),
        ({"last_run": replace(STOPPED, stopped=False, dead=True)}, "run-stopped", Outcome.INCONCLUSIVE),
        ({"heartbeat": Beat(at=NOW - HOUR, every_seconds=30, next_run_at=NOW)}, "silent", Outcome.INCONCLUSIVE),
    ],
)
def test_each_thing_that_is_wrong_with_the_whole_is_one_concern(
    changes: dict[str, object], code: str, outcome: Outcome
) -> None:
    found = concerns(situation(**changes))
    assert codes(found) == [code]
    assert outcome_of(found) is outcome
    assert "?" not in found[0].message + found[0].remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"last_run": replace(STOPPED, reason="hours")},
        {"last_run": replace(STOPPED, reason="budget-time")},
        {"last_run": replace(STOPPED, stopped=False)},
        {"heartbeat": Beat(at=NOW - 4 * MINUTE, every_seconds=1, next_run_at=NOW)},
        {"heartbeat": Beat(at=NOW - 50 * MINUTE, every_seconds=600, next_run_at=NOW)},
        {"heartbeat": Beat(at=NOW - 50 * DAY, every_seconds=30, stopped=True)},
        {"backed_up_at": NOW - 80 * DAY, "backup_wanted": False},
        {"channels": (Channel(name="mailto://mail", failed_at=None, last_ok_at=NOW),)},
        {"newest_at": NOW + 4 * MINUTE},
        {"unknown_collections": ("letters",), "packages": 0},
    ],
)
def test_what_goes_as_planned_is_none(changes: dict[str, object]) -> None:
    assert of(**changes) == []


def test_an_archive_without_copies_is_not_green() -> None:
    found = concerns(situation(ReplicaState(name="nas"), packages=0))
    assert codes(found) == ["nothing-kept"]
    assert outcome_of(found) is Outcome.INCONCLUSIVE


def test_a_run_is_late_only_after_its_grace() -> None:
    assert of(replica(run_due_at=NOW - 6 * HOUR)) == []
    assert of(replica(run_due_at=NOW - 6 * HOUR - MINUTE)) == ["run-late"]


def test_what_was_asked_for_may_wait_two_days() -> None:
    assert of(replica(asked_shards=1, asked_since=NOW - 2 * DAY)) == []
    (found,) = concerns(situation(replica(asked_shards=1, asked_since=NOW - 2 * DAY - MINUTE)))
    assert "1 shard that was asked for or repaired waits to be read, the first since 2026-11-18" in found.message


def test_what_is_not_believed_stands_also_when_a_later_test_passed_or_the_disk_is_away() -> None:
    (found,) = concerns(situation(replica(disbelieved_shards=2, there=False, offline=True)))
    assert found.message == "nas: 2 shards read in a run whose auditor failed its own test are to be read again"
    (both,) = concerns(situation(replica(disbelieved_shards=1, self_test_failed="a wrong file passed")))
    assert both.message.startswith("nas: the auditor's own test failed: a wrong file passed; nothing that it says")
    assert both.message.endswith("; 1 shard read in a run whose auditor failed its own test is to be read again")


def test_a_run_that_is_not_believed_is_not_said_to_go_on_by_itself() -> None:
    (found,) = concerns(situation(last_run=replace(STOPPED, done=9, reason="self-test")))
    assert found.message == "the last run (audit 4) cannot be believed: the auditor's own test failed"
    assert "goes on by itself" not in found.remedy


def test_a_table_for_a_collection_that_nobody_knows_is_named_with_those_that_are_known() -> None:
    (found,) = concerns(situation(unknown_collections=("Lettres",), collections=("letters", "maps")))
    assert '[collection."Lettres"]' in found.message and "letters, maps" in found.message


def test_another_disk_in_the_place_of_one_is_said_once() -> None:
    why = "another disk is in its place: its identity is 1"
    (found,) = concerns(situation(replica(there=False, wrong=True, why_not=why)))
    assert found.message == f"nas: {why}"


@pytest.mark.parametrize(("span", "told"), [(MINUTE / 60, "1 second"), (HOUR, "1 hour"), (3 * DAY, "3 days")])
def test_a_promise_is_told_in_its_number(span: timedelta, told: str) -> None:
    (found,) = concerns(situation(replica(overdue_shards=2, overdue_bytes=1, max_age=span)))
    assert f"than the {told} promised" in found.message


@pytest.mark.parametrize("what", ["last_run_at", "newest_read_at"])
def test_a_time_in_the_future_is_told_as_a_wrong_clock(what: str) -> None:
    assert of(replica(**{what: NOW + DAY})) == ["clock-wrong"]
    ahead = Beat(at=NOW + DAY, every_seconds=30, next_run_at=NOW)
    assert of(heartbeat=ahead) == ["clock-wrong"], "and never a service that is only seemingly alive"


def test_a_disk_that_may_be_away_is_a_concern_only_by_its_own_promise() -> None:
    safe = replica(there=False, offline=True, bringing=bringing([NOW + 60 * DAY], 90 * DAY))
    assert of(safe) == []
    assert of(replace(safe, bringing=bringing([NOW + 10 * DAY], 90 * DAY))) == [], "not in the last tenth yet"
    soon = concerns(situation(replace(safe, bringing=bringing([NOW + 10 * DAY], 90 * DAY, 2 * DAY))))
    assert codes(soon) == ["will-be-overdue"] and outcome_of(soon) is Outcome.PASS
    assert "2026-11-30" in soon[0].message and "plug in nas by 28 November 2026" in soon[0].remedy
    assert of(replace(safe, oldest_read_at=NOW - 91 * DAY, overdue_shards=3)) == ["overdue"]


def test_a_replica_that_is_away_and_may_not_be_is_also_foreseen_to_break_its_promise() -> None:
    gone = replica(there=False, bringing=bringing([NOW + 5 * DAY], 90 * DAY))
    found = concerns(situation(gone))
    assert codes(found) == ["replica-away", "will-be-overdue"]
    assert "as long as it is away nothing of it is read" in found[1].message and "2026-11-25" in found[1].message
    assert of(replace(gone, bringing=bringing([NOW + 50 * DAY], 90 * DAY))) == ["replica-away"]


def test_a_disk_that_is_there_is_not_asked_for() -> None:
    assert of(replica(offline=True, bringing=bringing([NOW + DAY], 90 * DAY))) == []


def test_what_is_overdue_on_a_disk_that_is_away_says_to_plug_it_in() -> None:
    (found,) = concerns(situation(replica(there=False, offline=True, overdue_shards=3)))
    assert "it is away: plug it in" in found.message


def foreseen(budget: int, days_ago: int = 30) -> ReplicaState:
    load = Load(read_at=NOW - days_ago * DAY, size_bytes=9 * 10**12, shards=900, max_age=90 * DAY, target_age=60 * DAY)
    pace = Pace(next_run=lambda at: at + DAY, budget_bytes=budget)
    return replica(outlook=outlook([load], pace, NOW, NOW), advice=advice([load], pace, NOW, NOW))


def test_a_promise_that_the_budget_cannot_keep_says_which_would() -> None:
    (found,) = concerns(situation(foreseen(90 * 10**9)))
    assert found.code is ConcernCode.CANNOT_KEEP
    assert "100 GB have to be read a day, and 90 GB can be" in found.message
    assert 'budget = "' in found.remedy and 'max_age = "' in found.remedy


def test_a_promise_that_will_be_broken_once_is_a_warning_with_its_day() -> None:
    # Enough in the long run, but all of it comes due at once.
    (found,) = concerns(situation(foreseen(105 * 10**9, days_ago=60)))
    assert found.code is ConcernCode.WILL_BE_OVERDUE
    assert "will be broken on 2026-12-20" in found.message
    assert outcome_of([found]) is Outcome.PASS


def test_a_promise_that_is_kept_is_not_spoken_of() -> None:
    assert of(foreseen(10**12)) == []


def test_the_worst_comes_first() -> None:
    found = of(
        replica(damaged_files=1, there=False, canaries="x"), altered="x", heartbeat=Beat(at=NOW - DAY, every_seconds=1)
    )
    assert found == ["record-altered", "damaged", "silent", "replica-away", "canary-damaged"]


def test_every_concern_has_words_for_people() -> None:
    assert set(CONCERNS) == set(ConcernCode)
    assert all(meaning.sentence and meaning.remedy for meaning in CONCERNS.values())


@pytest.mark.parametrize(
    ("changes", "of_replica", "says"),
    [
        ({"lost_files": 1, "lost_packages": 1}, {}, "1 file of 1 package cannot be made whole from any copy"),
        ({"lost_files": 7, "lost_packages": 2}, {}, "7 files of 2 packages cannot be made whole from any copy"),
        ({}, {"damaged_files": 1, "damaged_packages": 1}, "nas: 1 file of 1 package is not as it was taken in"),
        ({}, {"damaged_files": 7, "damaged_packages": 1}, "nas: 7 files of 1 package are not as they were taken in"),
        ({"degraded_packages": 1}, {}, "some files of 1 package are not as they were taken in"),
        ({"degraded_packages": 1000}, {}, "some files of 1,000 packages are not as they were taken in"),
        ({}, {"changed_files": 1, "changed_of": 1}, "nas: 1 of 1 file has changed at once"),
        ({}, {"changed_files": 9, "changed_of": 10}, "nas: 9 of 10 files have changed at once"),
        (
            {},
            {"changed_files": 157, "changed_of": 157, "changed_packages": ("photos",)},
            "nas: 157 of 157 files of photos have changed at once; nothing is repaired or replicated there",
        ),
        (
            {},
            {"changed_files": 9, "changed_of": 9, "changed_packages": ("photos",), "gone_packages": ("photos",)},
            "nas: 9 of 9 files of photos have changed at once: the folder of photos is missing;",
        ),
        (
            {},
            {"damaged_files": 7, "damaged_packages": 1, "good_on": ("abroad", "usb")},
            "nas: 7 files of 1 package are not as they were taken in; every file is good on abroad or usb",
        ),
        ({}, {"unsettled_shards": 1, "unsettled_packages": 1}, "nas: 1 part of 1 package was never read"),
        ({}, {"unsettled_shards": 2, "unsettled_packages": 2}, "nas: 2 parts of 2 packages were never read"),
        ({"few_packages": 1, "minimum": "3"}, {}, "1 package has fewer good copies than 3"),
        ({"few_packages": 2, "minimum": "3"}, {}, "2 packages have fewer good copies than 3"),
        ({}, {"overdue_shards": 1, "overdue_bytes": 10}, "nas: 1 shard (10 B) was not read for longer"),
        ({}, {"overdue_shards": 2, "overdue_bytes": 10}, "nas: 2 shards (10 B) were not read for longer"),
    ],
)
def test_one_is_one_and_many_are_many(changes: dict[str, object], of_replica: dict[str, object], says: str) -> None:
    (found,) = concerns(situation(replica(**of_replica), **changes))
    assert found.message.startswith(says)


def test_a_parameter_that_is_missing_never_stops_a_sentence() -> None:
    assert Concern(code=ConcernCode.LOST).message.startswith("? files of ? packages")


def test_more_than_was_told_apart_is_told_as_more() -> None:
    many = {"bags": 0, "folders": 1, "files": 10_000, "more": 15_000, "example": "x"}
    (found,) = concerns(situation(replica(surveyed=many)))
    assert "1 folder and 10,000 files and 15,000 more are not in the catalog" in found.message
    assert found.magnitude == 25_001


def test_more_copies_than_there_are_replicas_are_not_made_by_replicating_alone() -> None:
    (found,) = concerns(situation(replica(), few_packages=2, minimum="7", most_wanted=7))
    assert "add another replica, or lower minimum_copies" in found.remedy
    (found,) = concerns(situation(replica(), few_packages=2, minimum="1", most_wanted=1))
    assert found.remedy == "Run `preserve replicate`."


def test_an_empty_folder_where_an_offline_disk_belongs_is_a_warning_with_its_reason() -> None:
    (found,) = concerns(situation(replica(there=False, offline=True, unnamed=True, why_not="no identity file in it")))
    assert found.key == "empty-place:nas" and "no identity file in it" in found.message
    assert found.meaning.outcome is Outcome.PASS


def test_a_replica_that_only_the_settings_know_is_told_with_its_remedy() -> None:
    (found,) = concerns(situation(replica(), unknown_replicas=("usb",)))
    assert found.key == "unknown-replica" and "[replica.usb]" in found.message
    assert "preserve replica add" in found.remedy
