"""What audits read with: threads, stores that spare the storage, limits, and the auditor's test of itself."""

import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from checks.evidence import Evidence
from checks.names import show
from checks.policy import Urgency
from checks.ports import Store
from config import Limits
from preserve.app.workspace import Workspace
from preserve.audit.limits import Gate
from preserve.audit.planning import Planner
from preserve.audit.reading import digester_for
from preserve.audit.running import Auditor
from preserve.audit.selftest import SelfTest, self_test
from preserve.catalog.asking import SELF_TEST
from preserve.catalog.rows import AuditRow, AuditState, ReplicaRow
from preserve.errors import CatalogError, UndeterminedError
from preserve.executors.threads import Pool, Threads
from preserve.progress import Progress
from preserve.stores.claiming import claimed
from preserve.stores.identity import OURS
from preserve.stores.limiting import RateLimited
from preserve.stores.local import PlainFolder
from preserve.stores.local_replica import LocalReplica
from preserve.stores.passing import in_flight_of
from preserve.stores.port import ReplicaStore
from preserve.stores.retrying import Retrying

NOT_BELIEVED_REMEDY = "Install preserve anew, on another machine if there is one, and audit from there."
_PATIENCE_SECONDS = 60.0  # with a test that reads some megabytes
_TEST_BYTES = 10_000_000
_LAST_PATIENCE_SECONDS = 2.0  # with the test of a run that was asked to stop
_LOOK_SECONDS = 0.5  # after which whoever waits looks again whether it shall stop
_NOT_BELIEVED = "the auditor's own test failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """How the auditor's test of itself went, by replica.

    Attributes:
        there: the replicas that can be read.
        away: those that are not there, and why.
        failed: why the auditor is not to be believed, by the replica on which that showed; then nothing it says counts.
    """

    there: Sequence[ReplicaRow] = ()
    away: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def why(self) -> str:
        return _in_words(self.failed)


def _in_words(failed: Mapping[str, str]) -> str:
    return "; ".join(f"{_NOT_BELIEVED} on {name}: {why}" for name, why in failed.items())


def _is_failed(result: SelfTest) -> bool:
    return not result.passed and not result.away


class Reading:
    """A context manager: threads and stores for one run. What is read between two tests that passed counts.

    What no test followed that passed counts until one fails on that replica, in whatever run.

    Args:
        stop: when set, shards in hand are abandoned; what is done stands.
        auditor: reads the shards.
    """

    def __init__(
        self,
        workspace: Workspace,
        progress: Progress,
        stop: threading.Event | None = None,
        auditor: type[Auditor] = Auditor,
    ) -> None:
        self._workspace = workspace
        self._catalog = workspace.catalog
        self._stop = stop or threading.Event()
        self._threads = Threads(workspace.settings.audit.threads)
        self._plain = workspace.stores()
        self._names = {replica.id: replica.name for replica in self._catalog.replicas()}
        self._stores = {id_: self._spared(store, self._names[id_]) for id_, store in self._plain.items()}
        self._gates = {id_: self._gate(id_) for id_ in self._names}  # one for all audits of a run: its time is theirs
        self._auditor = auditor
        self._progress = progress
        self._end_at: float | None = None  # of the last test, once it is known that the run is to stop

    def __enter__(self) -> Self:
        self._threads.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.__exit__(kind, error, trace)

    def test(
        self,
        replicas: Sequence[ReplicaRow],
        audits: Sequence[AuditRow] = (),
        read: Sequence[tuple[int, int]] = (),
    ) -> Tested:
        """Tests the auditor on each of these replicas, and writes down how that went.

        Where it fails, what was read there without a test after it is to be read again, whoever read it.

        Args:
            audits: those that were just read, if it is the test after them; then a run that was asked to stop is
                tested as well, with less patience.
            read: the (copy, shard) that they read since the test before it.
        """
        there, away, failed = list[ReplicaRow](), dict[str, str](), dict[str, str]()
        at_once = {one.id: in_flight_of(self._plain.get(one.id)) for one in replicas}
        lanes = {one.id: self._threads.lane(f"{one.name}-test", 1, at_once[one.id]) for one in replicas}
        try:
            tests = {one.id: lanes[one.id].shards.submit(self._tested, one, lanes[one.id].files) for one in replicas}
            answers = {one.id: self._answer(one, tests[one.id], last=bool(audits)) for one in replicas}
        finally:
            for lane in lanes.values():
                lane.end(0.0)
        # Before anything else is written down: whoever kills the process now makes no more of what was read.
        self._disbelieve([one for one in replicas if _is_failed(answers[one.id])], answers, audits, read)
        for one in replicas:
            result = answers[one.id]
            self._record(one, result, audits)
            if result.away:
                away[one.name] = result.away
            elif result.passed:
                there.append(one)
            else:
                failed[one.name] = result.why
        return Tested(there=there, away=away, failed=failed)

    def read(self, audit: AuditRow, urgencies: Mapping[tuple[int, int], Urgency] | None = None) -> AuditRow:
        """Reads what is left of an audit; with `urgencies`, within the hours and the time set for each replica."""
        auditor = self._auditor(
            self._catalog,
            self._stores if audit.required >= Evidence.READ else self._claimed(),
            self._threads,
            self._workspace.clock,
            progress=self._progress,
            stop=self._stop,
        )
        if urgencies is None:
            free = {id_: Gate(concurrency=self._limits(id_).concurrency) for id_ in self._names}
            return auditor.run(audit, gates=free)
        return auditor.run(audit, urgencies=urgencies, gates=self._gates)

    def read_believed(
        self,
        audits: Sequence[AuditRow],
        replicas: Sequence[ReplicaRow],
        urgencies: Mapping[tuple[int, int], Urgency] | None = None,
    ) -> list[AuditRow]:
        """Reads audits, then tests the auditor again; if that fails, all that was read is asked for anew.

        However the reading ends: what a run read that was stopped, or broke off, counts as well.

        Raises:
            UndeterminedError: the test after the reading failed; the audits say so.
        """
        set_out = {audit.id: self._catalog.remaining(audit.id) for audit in audits}
        try:
            read = self._read_all(audits, urgencies)
        except BaseException as error:
            if not isinstance(error, Exception):
                self._stop.set()  # what is left to be done is done with little patience
            with suppress(CatalogError):  # the first error is the one to tell
                self._refuse_unproven(audits, replicas, set_out, error)
            raise
        self._refuse_unproven(audits, replicas, set_out)
        return read

    def _read_all(
        self, audits: Sequence[AuditRow], urgencies: Mapping[tuple[int, int], Urgency] | None
    ) -> list[AuditRow]:
        read = list[AuditRow]()
        for audit in audits:
            if self._stop.is_set() and read:
                read.append(
                    self._catalog.end_audit(audit.id, AuditState.STOPPED, self._workspace.clock(), reason="stopped")
                )
            else:
                read.append(self.read(audit, urgencies))
        return read

    def _refuse_unproven(
        self,
        audits: Sequence[AuditRow],
        replicas: Sequence[ReplicaRow],
        set_out: Mapping[int, Sequence[tuple[int, int]]],
        cause: BaseException | None = None,
    ) -> None:
        """The test after the reading; there is none after nothing."""
        left = {audit.id: set(self._catalog.remaining(audit.id)) for audit in audits}
        read = [pair for id_, pairs in set_out.items() for pair in pairs if pair not in left[id_]]
        if not read:
            return
        copies = {copy_id for copy_id, _ in read}
        read_from = {copy.replica_id for copy in self._catalog.copies() if copy.id in copies}
        again = self.test([one for one in replicas if one.id in read_from], audits, read)
        if again.failed:
            remedy = "What was read in this run is read again before it counts."
            raise UndeterminedError(again.why, remedy=remedy) from cause

    def _disbelieve(
        self,
        failed: Sequence[ReplicaRow],
        answers: Mapping[int, SelfTest],
        audits: Sequence[AuditRow],
        read: Sequence[tuple[int, int]],
    ) -> None:
        """Takes back what these audits read, and what was read on these replicas with no test after it that passed."""
        if not failed:
            return
        workspace = self._workspace
        Planner(self._catalog, workspace.clock, workspace.policies, workspace.required).settle()
        unproven = [one for replica in failed for one in self._catalog.unproven(replica.id)]
        ids = sorted({*(audit.id for audit in audits), *(one.audit_id for one in unproven)})
        pairs = [*read, *((one.copy_id, one.shard_id) for one in unproven)]
        if ids:
            why = _in_words({one.name: answers[one.id].why for one in failed})
            self._catalog.disbelieve(ids, pairs, why, workspace.clock())

    def _spared(self, store: ReplicaStore, name: str) -> Store:
        rate = self._workspace.settings.limits(name).rate_bytes_per_second
        patient: Store = Retrying(store, sleep=self._stop.wait)
        return patient if rate is None else RateLimited(patient, rate, stop=self._stop)

    def _claimed(self) -> Mapping[int, Store]:
        """What providers say, in place of what can be read there."""
        known = {id_: claimed(store, self._stop.wait) for id_, store in self._stores.items()}
        return {id_: store for id_, store in known.items() if store is not None}

    def _limits(self, replica_id: int) -> Limits:
        return self._workspace.settings.limits(self._names[replica_id])

    def _gate(self, replica_id: int) -> Gate:
        limits, hours = self._limits(replica_id), self._workspace.hours(self._names[replica_id])
        return Gate(hours=hours, budget_time=limits.budget_time, concurrency=limits.concurrency)

    def _answer(self, one: ReplicaRow, test: Future[SelfTest], *, last: bool) -> SelfTest:
        """Of a test in a thread of its own: a disk that hangs must not keep the others from being read.

        A stop ends it: the test after the reading a little later, once for all replicas.
        """
        rate = self._workspace.settings.limits(one.name).rate_bytes_per_second
        patience = _PATIENCE_SECONDS + (0 if rate is None else 4 * _TEST_BYTES / rate)
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            if self._stop.is_set():
                if self._end_at is None:
                    self._end_at = time.monotonic() + (_LAST_PATIENCE_SECONDS if last else 0)
                if (left := self._end_at - time.monotonic()) <= 0:
                    return SelfTest(passed=False, away="stopped")
            if wait([test], timeout=min(left, _LOOK_SECONDS)).done:
                return test.result()
        return SelfTest(passed=False, away=f"no answer for {patience:.0f} s")

    def _tested(self, one: ReplicaRow, files: Pool) -> SelfTest:
        if one.id not in self._stores:
            return SelfTest(passed=False, away="it is not in the settings")
        store, now = self._plain[one.id], self._workspace.clock()
        digester = digester_for(store, files)
        result = self_test(self._stores[one.id], store.canaries(), str(one.uuid), digester, now)
        if not result.untested:
            return result
        # A disk that takes no canaries, such as one that is locked against writing, is read all the same; what reads it
        # is tested beside the machine's other temporary files.
        with tempfile.TemporaryDirectory(prefix="preserve-") as folder:
            plain = PlainFolder(os.fsencode(folder))
            os.mkdir(os.path.join(plain.root, OURS))
            elsewhere = self_test(plain, LocalReplica(plain.root).canaries(), PlainFolder.IDENTITY, digester, now)
        why = "; ".join(filter(None, (result.why, elsewhere.why)))
        return replace(elsewhere, why=why, damaged=result.damaged, made=(), untested=True)

    def _record(self, one: ReplicaRow, result: SelfTest, audits: Sequence[AuditRow]) -> None:
        body: dict[str, object] = {
            "replica": str(one.uuid),
            "outcome": "away" if result.away else "pass" if result.passed else "fail",
            "why": result.away or result.why,
            "damaged": [show(name) for name in result.damaged],
            "made": [show(name) for name in result.made],
        }
        body |= {"untested": True} if result.untested else {}
        body |= {"audits": [audit.id for audit in audits]} if audits else {}
        self._catalog.record_of_itself(SELF_TEST, body, self._workspace.clock())


def refuse_unless_believed(workspace: Workspace, replicas: Sequence[ReplicaRow], progress: Progress) -> None:
    """For whoever is going to judge what is on these replicas otherwise than in an audit.

    Raises:
        UndeterminedError: the auditor's test of itself failed.
    """
    with Reading(workspace, progress) as reading:
        tested = reading.test(replicas)
    if tested.failed:
        raise UndeterminedError(f"{tested.why}; nothing was done", remedy=NOT_BELIEVED_REMEDY)
