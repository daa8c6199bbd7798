"""One replica never holds up another, and a run comes to its end whatever a replica does."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from checks.evidence import Evidence, Outcome
from checks.policy import Urgency
from preserve.audit import lanes
from preserve.audit.lanes import in_order
from preserve.audit.limits import Gate
from preserve.catalog.rows import AuditState
from preserve.executors.threads import Threads
from preserve.progress import Silent
from preserve.stores.limiting import RateLimited
from preserve.stores.retrying import Retrying
from tests.support.audited import START, Audited

HERE = Path(__file__).parents[4]
LAST = {b"box/data/0023"}
LARGE = 300 << 10  # read by the threads for large files


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hangs waits for this; set at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


class Told(Silent):
    """Calls back when all shards of some replicas are read."""

    def __init__(self, files: int, then: threading.Event) -> None:
        self.left, self.then = files, then
        self.lock = threading.Lock()

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        with self.lock:
            self.left -= files
            if self.left == 0:
                self.then.set()


class Jumping:
    """A monotonic clock that stands, and jumps ahead each time it is looked at once the event is set."""

    def __init__(self, event: threading.Event) -> None:
        self.event = event
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 100 if self.event.is_set() else 0
        return self.now


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_replica_that_hangs_keeps_no_other_from_being_read_and_the_run_ends(
    tmp_path: Path, released: threading.Event, size: int
) -> None:
    with Audited(tmp_path, "disk", "nas", "abroad", shards=12, size=size) as audited:
        audited.stores["nas"].on_read = lambda path: released.wait() and None
        others_done = threading.Event()
        audit = audited.open()
        with Threads(2) as threads:
            auditor = audited.auditor(threads, progress=Told(48, others_done), monotonic=Jumping(others_done))
            ended = auditor.run(audit)
        done = audited.done(audit)
        assert (done["disk"], done["abroad"]) == (12, 12)
        assert 1 <= done["nas"] <= 2  # those that were being read when it hung
        assert audited.codes() == {"nas": {"replica-unavailable"}}
        assert {row.finding.parameters["cause"] for row in audited.catalog.findings()} == {"no answer for 600 s"}
        assert (ended.state, ended.reason) == (AuditState.STOPPED, "replica-unavailable")
        assert (ended.failed, ended.inconclusive) == (0, done["nas"])


def test_what_a_thread_says_after_it_was_given_up_counts_for_nothing(tmp_path: Path, released: threading.Event) -> None:
    with Audited(tmp_path, "disk", "nas", shards=2) as audited:
        audited.stores["nas"].on_read = lambda path: released.wait() and None
        others_done = threading.Event()
        audit = audited.open()
        with Threads(1) as threads:
            told = Told(4, others_done)
            audited.auditor(threads, progress=told, monotonic=Jumping(others_done)).run(audit)
            before = audited.catalog.head()
            released.set()
        assert audited.catalog.head() == before
        assert told.left == 0


def test_a_slow_listing_is_no_hang(tmp_path: Path) -> None:
    """Each name comes 500 seconds after the last: slower than any disk, and never silent for 600."""
    with Audited(tmp_path, "nas", shards=2) as audited:
        now = [0.0]
        listing = audited.stores["nas"].listing

        def slow(root: bytes) -> Iterator[object]:
            for name in listing(root):
                now[0] += 500
                yield name

        audited.stores["nas"].listing = slow  # type: ignore[assignment,method-assign]
        with pytest.MonkeyPatch.context() as patched, Threads(2) as threads:
            patched.setattr("preserve.audit.copies._HEAR_EVERY", 1)
            ended = audited.auditor(threads, monotonic=lambda: now[0]).run(audited.open())
        assert (ended.state, ended.passed) == (AuditState.ENDED, 2)


def test_a_stop_ends_the_run_within_five_seconds_and_counts_what_was_abandoned(
    tmp_path: Path, released: threading.Event
) -> None:
    with Audited(tmp_path, "disk", "nas", shards=12) as audited:
        stop, all_hang = threading.Event(), threading.Event()
        hanging: list[bytes] = []

        def hang(path: bytes) -> None:
            hanging.append(path)
            if len(hanging) == 3:
                all_hang.set()
            released.wait()

        audited.stores["nas"].on_read = hang
        # The other replica's last file is read when three shards of this one hang.
        audited.stores["disk"].on_read = lambda path: path in LAST and all_hang.wait(30) and None
        audit = audited.open()
        with Threads(4) as threads:
            told = Told(24, stop)
            begun = time.monotonic()
            gates = audited.gates(nas=Gate(concurrency=3))
            ended = audited.auditor(threads, stop=stop, progress=told).run(audit, gates=gates)
            assert time.monotonic() - begun < 5
        assert (ended.state, ended.reason) == (AuditState.STOPPED, "stopped")
        assert audited.done(audit) == {"disk": 12, "nas": 0}
        (link,) = (link for link in audited.catalog.journal() if link.kind == "audit-stopped")
        body = json.loads(link.body)
        assert (body["abandoned"], body["reason"]) == (3, "stopped")
        assert audited.codes() == {}


def test_a_process_whose_thread_hangs_can_end(tmp_path: Path) -> None:
    script = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from preserve.executors.threads import Threads\n"
        "from tests.support.audited import Audited\n"
        "with Audited(Path(sys.argv[1]), 'disk', 'nas', shards=3, size=int(sys.argv[2])) as audited:\n"
        "    audited.stores['nas'].on_read = lambda path: threading.Event().wait()\n"
        "    with Threads(2) as threads:\n"
        "        ended = audited.auditor(threads, stall_seconds=0.3).run(audited.open())\n"
        "    print(ended.state, ended.reason, ended.passed)\n"
    )
    for size in (10, LARGE):
        folder = tmp_path / str(size)
        folder.mkdir()
        ran = subprocess.run(
            [sys.executable, "-c", script, str(folder), str(size)],
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.split() == ["stopped", "replica-unavailable", "3"]


def test_a_replica_that_vanishes_in_the_middle_leaves_no_damage_and_the_rest_undone(tmp_path: Path) -> None:
    with Audited(tmp_path, "disk", "nas", shards=40) as audited:
        nas = audited.stores["nas"]

        def pulled(path: bytes) -> None:
            if path.endswith(b"0010"):
                nas.there = False
                nas.files.clear()

        nas.on_read = pulled
        audit, ticks = audited.open(), count(1)
        with Threads(2) as threads:
            # A clock that stands still cannot tell a reading before the outage from one after it.
            ended = audited.auditor(threads, clock=lambda: START + timedelta(microseconds=next(ticks))).run(audit)
        done = audited.done(audit)
        assert done["disk"] == 40 and done["nas"] < 20
        assert audited.codes() == {"nas": {"replica-unavailable"}}
        assert (ended.state, ended.reason, ended.failed) == (AuditState.STOPPED, "replica-unavailable", 0)
        assert ended.files_bad == 0


def test_one_shard_at_once_on_one_replica_while_another_has_several(tmp_path: Path) -> None:
    with Audited(tmp_path, "tape", "disk", shards=12) as audited:
        at_once = threading.Barrier(3, timeout=30)
        seen: dict[str, set[bytes]] = {"tape": set(), "disk": set()}
        most = {"tape": 0, "disk": 0}
        lock = threading.Lock()

        def watch(name: str) -> None:

            def on_read(path: bytes) -> None:
                shard = b"%d" % (int(path[-4:]) // 2)
                with lock:
                    seen[name].add(shard)
                    most[name] = max(most[name], len(seen[name]))
                if name == "disk" and path.endswith((b"0000", b"0002", b"0004")):
                    at_once.wait()  # comes back only when three of its shards are open at once
                with lock:
                    if path[-1:] in b"13579":  # its last file
                        seen[name].discard(shard)

            audited.stores[name].on_read = on_read

        watch("tape")
        watch("disk")
        gates = audited.gates(tape=Gate(concurrency=1), disk=Gate(concurrency=4))
        with Threads(1) as threads:
            ended = audited.auditor(threads).run(audited.open(), gates=gates)
        assert ended.passed == 24
        assert most["tape"] == 1 and most["disk"] >= 3


def test_replicas_share_the_threads_and_the_last_one_gets_them_all(tmp_path: Path) -> None:
    with Audited(tmp_path, "disk", "nas", shards=30) as audited, Threads(4) as threads:
        auditor = audited.auditor(threads)
        lanes = auditor._lanes(audited.open(), {}, audited.gates(nas=Gate(concurrency=3)))
        for lane in lanes:
            lane.share(2)
        assert [lane.threads.shards.threads for lane in lanes] == [2, 3]
        lanes[0].share(4)
        assert [lane.threads.shards.threads for lane in lanes] == [4, 3]


class Hours:
    """Open until the given number of questions was asked."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def is_open(self, now: object) -> bool:
        self.left -= 1
        return self.left >= 0


def test_when_the_hours_are_over_the_rest_is_left_for_the_next_run(tmp_path: Path) -> None:
    with Audited(tmp_path, "disk", "nas", shards=12) as audited:
        audit = audited.open()
        urgencies = {
            (copy.id, shard): Urgency.REGULAR for copy in audited.copies.values() for shard in audited.shard_ids
        }
        urgencies[audited.pair("nas", 11)] = Urgency.ASKED
        with Threads(1) as threads:
            gates = audited.gates(nas=Gate(hours=Hours(0)))
            ended = audited.auditor(threads).run(audit, urgencies=urgencies, gates=gates)
        assert audited.done(audit) == {"disk": 12, "nas": 1}  # what a person asked for passes the hours
        assert audited.pair("nas", 11) not in audited.catalog.remaining(audit.id)
        assert (ended.state, ended.reason) == (AuditState.STOPPED, "hours")


def test_what_another_audit_has_leased_is_left_to_it(tmp_path: Path) -> None:
    with Audited(tmp_path, "disk") as audited:
        other = audited.open()
        audit = audited.catalog.open_audit_of_copies({"due": True}, Evidence.READ, [audited.copies["disk"].id], START)
        theirs = audited.catalog.remaining(other.id)[:2]
        audited.catalog.lease(other.id, theirs, "other", START + timedelta(hours=1), ttl_seconds=120)
        with Threads(2) as threads:
            ended = audited.auditor(threads).run(audit)
        assert (ended.state, ended.reason) == (AuditState.STOPPED, "other-run")
        assert audited.done(audit) == {"disk": 4}
        assert audited.catalog.last_due_runs().keys() == {"disk"}, "it counts as a run"


def test_what_waits_for_a_thread_is_taken_back_when_the_hours_end(tmp_path: Path) -> None:
    with Audited(tmp_path, "nas", shards=12) as audited:
        audit = audited.open()
        closed = threading.Event()
        audited.stores["nas"].on_read = lambda path: closed.set()

        class UntilRead:
            def is_open(self, now: object) -> bool:
                return not closed.is_set()

        urgencies = {audited.pair("nas", shard): Urgency.PAST_PROMISE for shard in range(12)}
        with Threads(1) as threads:
            gates = audited.gates(nas=Gate(hours=UntilRead(), concurrency=1))
            ended = audited.auditor(threads).run(audit, urgencies=urgencies, gates=gates)
        assert 1 <= ended.done < 12
        assert ended.reason == "hours" and ended.inconclusive == 0


def test_the_most_urgent_comes_first_then_whose_turn_it_is_with_a_copys_shards_together() -> None:
    urgencies = {
        (2, 7): Urgency.PAST_TARGET,
        (1, 4): Urgency.REGULAR,
        (3, 1): Urgency.REGULAR,
        (1, 2): Urgency.REGULAR,
        (3, 9): Urgency.NEVER_READ,
    }
    pairs = sorted([*urgencies, (5, 5)])
    assert in_order(pairs, urgencies) == [(5, 5), (3, 9), (2, 7), (1, 4), (1, 2), (3, 1)]
    assert in_order(pairs, {}) == pairs


def test_shards_of_a_copy_are_not_brought_together_from_far_behind_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_TOGETHER", 4)
    turn = [(1, 1), (2, 1), (1, 2), (3, 1), (4, 1), (1, 3), (2, 2), (1, 4)]  # the oldest first
    ordered = in_order(sorted(turn), dict.fromkeys(turn, Urgency.PAST_PROMISE))
    assert ordered == [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (1, 3), (1, 4), (2, 2)]


def test_what_was_served_from_a_cache_is_labelled_so_through_all_that_is_put_around_a_store(tmp_path: Path) -> None:
    with Audited(tmp_path, "nas", shards=2, size=LARGE) as audited:
        store = audited.stores["nas"]
        store.evidence = Evidence.READ  # it is asked for the medium, and cannot
        audited.decorated["nas"] = Retrying(RateLimited(store, 10**9))
        with Threads(1) as threads:
            ended = audited.auditor(threads).run(audited.open(Evidence.READ_MEDIUM))
        (line,) = audited.catalog.audit_checks(ended.id)
        assert line.evidence is Evidence.READ
        assert audited.codes() == {"nas": {"weak-evidence"}}
        assert (ended.passed, ended.inconclusive) == (0, 2)
        assert Outcome.FAIL not in {row.finding.meaning.outcome for row in audited.catalog.findings()}


def test_an_error_in_a_worker_ends_the_run_and_says_that_it_died(tmp_path: Path) -> None:
    class Broken(Silent):
        def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
            raise ZeroDivisionError

    with Audited(tmp_path, "nas", shards=2) as audited, Threads(1) as threads:
        audit = audited.open()
        with pytest.raises(ZeroDivisionError):
            audited.auditor(threads, progress=Broken()).run(audit)
        assert (audited.catalog.audit(audit.id).state, audited.catalog.audit(audit.id).reason) == ("stopped", "died")
