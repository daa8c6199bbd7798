"""The reading of shards, simulated: nothing is read, and the clock goes on by as long as the reading would take.

Everything around it is what production does: lanes, hours, budgets, leases, commits. Each replica is read by one
thread, and all replicas of a run side by side: the reading that ends first ends first.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ALL_COMPLETED, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from typing import Any, NamedTuple, ParamSpec, TypeVar
from unittest.mock import patch

from checks.canaries import Canary
from checks.digesting import Pool as Files
from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from checks.inventory import Record
from checks.policy import Urgency
from checks.ports import Store, StoreError
from checks.shards import Judgement, unavailable
from preserve.audit.copies import CopyView
from preserve.audit.lanes import Pair
from preserve.audit.limits import Gate
from preserve.audit.reading import Hand, ShardReader
from preserve.audit.running import Auditor
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditRow, CheckResult, CopyRow, ShardRow
from preserve.executors.threads import Pool, Threads
from preserve.stores.limiting import RateLimited
from preserve.stores.retrying import Retrying
from tests.campaigns.year_clock import Clock

Given = ParamSpec("Given")
Made = TypeVar("Made")

_TRIED_IN_VAIN_SECONDS = 30.0  # that a disk takes until it says that it cannot read


@dataclass(slots=True)
class Medium:
    """What a replica's shards lie on, and what is wrong with them, by (copy, shard)."""

    bytes_per_second: float
    unreadable: set[Pair] = field(default_factory=set)
    damaged: set[Pair] = field(default_factory=set)


class Read(NamedTuple):
    """One reading as it was: `begun` in true time, `begun_wall` as the clock on the wall said."""

    audit_id: int
    replica_id: int
    copy_id: int
    shard_id: int
    begun: datetime
    begun_wall: datetime
    size_bytes: int
    outcome: Outcome
    urgency: Urgency


class RunRead(NamedTuple):
    """One run of an auditor: when it really began and ended, and what it read."""

    audit_id: int
    begun: datetime
    ended: datetime
    reads: tuple[Read, ...]


@dataclass(slots=True)
class _Task:
    future: Future[Any]
    call: Callable[[], Any]
    hand: Hand
    begun: datetime | None = None
    ends: datetime | None = None


class _Line(Pool):
    """One replica's only thread, as far as a lane can tell."""

    def __init__(self) -> None:
        super().__init__(1, "simulated")
        self.waiting: deque[_Task] = deque()
        self.now: _Task | None = None

    def submit(self, call: Callable[Given, Made], /, *args: Given.args, **named: Given.kwargs) -> Future[Made]:
        hand, future = args[0], Future[Made]()
        assert isinstance(hand, Hand)
        self.waiting.append(_Task(future, partial(call, *args, **named), hand))
        return future

    def grow(self, threads: int) -> None:
        """It stays one."""


class _Lines(Threads):
    """None of them is ever started."""

    def __init__(self, made: list[_Line]) -> None:
        super().__init__(1)
        self._made = made
        self.shards = self.line = _Line()

    def lane(self, name: str, shards: int, files: int = 1) -> "_Lines":
        lines = _Lines(self._made)
        self._made.append(lines.line)
        return lines

    def end(self, seconds: float | None) -> bool:
        return True


class Readings:
    """What is read where and how fast, and what was. `media` by the replica's id."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.media: dict[int, Medium] = {}
        self.runs: list[RunRead] = []
        self.lines: list[_Line] = []
        self.urgencies: Mapping[Pair, Urgency] = {}
        self.sizes: Callable[[CopyRow, int], int] = lambda copy, shard: 0
        self._reads: list[Read] = []

    def auditor(self) -> type[Auditor]:
        """What production is given instead of its own auditor."""
        readings = self

        class SimulatedAuditor(Auditor):
            def __init__(
                self,
                catalog: Catalog,
                stores: Mapping[int, Store],
                threads: Threads,
                clock: Callable[[], datetime],
                **more: Any,
            ) -> None:
                more["monotonic"] = readings.clock.steady
                super().__init__(catalog, stores, _Lines(readings.lines), clock, **more)
                self._reader = _Reader(
                    catalog, stores, clock, more["progress"], self._stop, more["monotonic"], readings=readings
                )

            def run(
                self,
                audit: AuditRow,
                *,
                urgencies: Mapping[Pair, Urgency] | None = None,
                gates: Mapping[int, Gate] | None = None,
            ) -> AuditRow:
                with readings.running(audit.id, urgencies or {}):
                    return super().run(audit, urgencies=urgencies, gates=gates)

        return SimulatedAuditor

    @contextmanager
    def running(self, audit_id: int, urgencies: Mapping[Pair, Urgency]) -> Iterator[None]:
        begun, self.urgencies, self._reads = self.clock.true, urgencies, []
        self.lines.clear()
        try:
            yield
        finally:
            self.runs.append(RunRead(audit_id, begun, self.clock.true, tuple(self._reads)))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Production waits, and measures time, by the simulation's clock."""
        clock = self.clock
        with ExitStack() as stack:
            for where, what in (
                ("preserve.audit.handing.wait", self.wait),
                ("checks.canaries.Canary.content", cache(Canary.content)),  # by a formula: always the same
                ("preserve.app.reading.Gate", partial(Gate, monotonic=clock.steady)),
                ("preserve.app.reading.Retrying", lambda store, sleep: Retrying(store, sleep=clock.sleep)),
                (
                    "preserve.app.reading.RateLimited",
                    lambda store, rate, stop: RateLimited(store, rate, clock.steady, clock.sleep, stop),
                ),
            ):
                stack.enter_context(patch(where, what))
            yield

    def wait(
        self, futures: Iterable[Future[CheckResult]], timeout: float = 0.0, return_when: str = ALL_COMPLETED
    ) -> tuple[set[Future[CheckResult]], set[Future[CheckResult]]]:
        """In the place of `concurrent.futures.wait`: goes on until the next reading ends."""
        every = set(futures)
        while not (done := {one for one in every if one.done()}) or (return_when == ALL_COMPLETED and done < every):
            if not self._step():
                break
        return done, every - done

    def _step(self) -> bool:
        for line in self.lines:
            while line.now is None and line.waiting:
                self._begin(line, line.waiting.popleft())
        busy = [line for line in self.lines if line.now is not None]
        if not busy:
            return False
        line = min(busy, key=_ends)
        task, line.now = line.now, None
        assert task is not None and task.begun is not None and task.ends is not None
        self.clock.pass_to(task.ends)
        wall = task.begun + self.clock.ahead
        try:
            with self.clock.showing(task.begun):
                result = task.call()
        except BaseException as error:  # noqa: BLE001 - as a thread of production does
            task.future.set_exception(error)
        else:
            self._note(task, result, wall)
            task.future.set_result(result)
        return True

    def _begin(self, line: _Line, task: _Task) -> None:
        if task.future.set_running_or_notify_cancel():
            copy, shard_id = task.hand.copy, task.hand.lease.shard_id
            medium = self.media[copy.replica_id]
            seconds = self.sizes(copy, shard_id) / medium.bytes_per_second
            if (copy.id, shard_id) in medium.unreadable:
                seconds = _TRIED_IN_VAIN_SECONDS
            task.begun, task.ends = self.clock.true, self.clock.true + timedelta(seconds=seconds)
            line.now = task

    def _note(self, task: _Task, result: CheckResult, wall: datetime) -> None:
        assert task.begun is not None and result.audit_id is not None
        pair = result.copy_id, result.shard_id
        urgency = self.urgencies.get(pair, Urgency.ASKED)
        replica_id = task.hand.copy.replica_id
        self._reads.append(
            Read(result.audit_id, replica_id, *pair, task.begun, wall, result.bytes_read, result.outcome, urgency)
        )

    def judgement(self, copy: CopyRow, shard: ShardRow, record: Callable[[int], Record]) -> Judgement:
        """What the reading of a shard that is there comes to."""
        medium, pair = self.media[copy.replica_id], (copy.id, shard.id)
        if pair in medium.unreadable:
            finding = Finding(code=Code.UNREADABLE, path=record(shard.id).paths[0], parameters={"cause": "EIO"})
            return _judgement(shard, Outcome.INCONCLUSIVE, finding, unread=1, root=None)
        if pair in medium.damaged:
            finding = Finding(code=Code.DIGEST_MISMATCH, path=record(shard.id).paths[0])
            return _judgement(shard, Outcome.FAIL, finding, bad=1, root=sha256(b"damage").digest())
        return _judgement(shard, Outcome.PASS, root=shard.root)


class _Reader(ShardReader):
    """Reads nothing; but it is the replica itself that says whether it is there."""

    def __init__(self, *given: Any, readings: Readings) -> None:
        super().__init__(*given)
        self._readings = readings

    def _judge(
        self,
        view: CopyView,
        copy: CopyRow,
        shard: ShardRow,
        paths: Sequence[bytes] | None,
        files: Files,
        count: Callable[[int], None],
        **required: Evidence,
    ) -> Judgement:
        self._readings.clock.show_now()  # the start was noted; from here on it is the end
        try:
            found = self._stores[copy.replica_id].identity()
        except StoreError as error:
            return unavailable(self._record(shard.id), error.cause or str(error))
        assert found == str(self._replicas[copy.replica_id].uuid)
        return self._readings.judgement(copy, shard, self._record)


def _judgement(
    shard: ShardRow, outcome: Outcome, *findings: Finding, bad: int = 0, unread: int = 0, root: bytes | None
) -> Judgement:
    return Judgement(
        outcome=outcome,
        evidence=Evidence.LISTED if unread else Evidence.READ,
        good=shard.files - bad - unread,
        bad=bad,
        unread=unread,
        bytes_read=0 if unread else shard.bytes_to_read,
        observed_root=root,
        findings=findings,
    )


def _ends(line: _Line) -> datetime:
    assert line.now is not None and line.now.ends is not None
    return line.now.ends


def bytes_of(reads: Collection[Read]) -> int:
    return sum(read.size_bytes for read in reads)
