"""Running an audit: shards are leased, read in threads, judged, and committed with the journal."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import datetime
from functools import lru_cache, partial

from checks.digesting import Digester
from checks.ports import Store
from checks.shards import Judgement, ShardChecker, copy_missing, unavailable
from preserve.audit.copies import Absent, CopyGone, CopyView, Inventory
from preserve.audit.holders import this_process
from preserve.catalog.catalog import Catalog
from preserve.catalog.results import result_of
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, CopyRow, Lease, ReplicaRow, ShardRow
from preserve.executors.threads import Threads
from preserve.progress import Progress

LEASE_SECONDS = 120
_RENEW_EVERY_SECONDS = 30.0
_AHEAD = 4  # shards taken in advance, by thread; small ones are then committed many at a time


class Stopped(Exception):
    """Raised inside a worker to abandon the shard in hand: not an error, somebody asked for it."""


class Auditor:
    """Does the checks that an audit set out to do.

    Args:
        stores: an open store for each replica's id; a replica without one was not there.
        stop: when set, shards in hand are abandoned, what is done is committed, the audit stays resumable.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[int, Store],
        threads: Threads,
        clock: Callable[[], datetime],
        *,
        progress: Progress,
        stop: threading.Event | None = None,
    ) -> None:
        self._catalog = catalog
        self._stores = stores
        self._threads = threads
        self._clock = clock
        self._progress = progress
        self._stop = stop or threading.Event()
        self._holder = this_process()
        self._record = lru_cache(maxsize=256)(catalog.record)
        self._inventory = lru_cache(maxsize=16)(self._load_inventory)
        self._replicas = {replica.id: replica for replica in catalog.replicas(include_removed=True)}

    def run(self, audit: AuditRow) -> AuditRow:
        """Checks what remains of an audit; ends it, or leaves it stopped for `--resume`.

        Raises:
            KeyboardInterrupt: after what was done is committed and the leases are given back.
        """
        run = _Run(self, audit)
        try:
            run.go()
        except BaseException:
            self._stop.set()
            run.finish_in_hand()
            self._catalog.end_audit(audit.id, AuditState.STOPPED, self._clock())
            raise
        left = self._catalog.remaining(audit.id)
        state = AuditState.STOPPED if left else AuditState.ENDED
        self._catalog.end_audit(audit.id, state, self._clock())
        return self._catalog.audit(audit.id)

    def check_path(self, copy: CopyRow, path: bytes, view: CopyView | None = None) -> list[CheckResult]:
        """Reads one file of one copy now, all its segments; not yet committed. A `view` saves listing the copy."""
        view, inventory = view or self.view(copy), self._inventory(copy.inventory_id)
        shards = {shard.id: shard for shard in inventory.shards}
        results = []
        for shard_id in self._catalog.shard_ids_of(copy.inventory_id, path):
            started_at = self._clock()
            judgement = self._judge(view, copy, shards[shard_id], (path,), None)
            results.append(result_of(judgement, shard_id, started_at, self._clock(), copy_id=copy.id, paths=(path,)))
        return results

    def view(self, copy: CopyRow) -> CopyView:
        """The copy as it is listed when it is first looked at."""
        replica: ReplicaRow = self._replicas[copy.replica_id]
        inventory = partial(self._inventory, copy.inventory_id)
        return CopyView(self._stores.get(copy.replica_id), str(replica.uuid), copy.location, inventory)

    def _load_inventory(self, inventory_id: int) -> Inventory:
        return Inventory(
            shards=tuple(self._catalog.shards(inventory_id)),
            record=self._record,
            whole={entry.path: entry.sha256 for entry in self._catalog.large_files(inventory_id)},
        )

    def _check(self, view: CopyView, copy: CopyRow, lease: Lease, audit: AuditRow) -> CheckResult:
        """One leased shard, in a worker's thread."""
        self._count(0)
        shard = self._shard(copy.inventory_id, lease.shard_id)
        started_at = self._clock()
        judgement = self._judge(view, copy, shard, None, audit)
        self._progress.advance(files=shard.files)
        self._progress.found(len(judgement.findings))
        return result_of(
            judgement,
            shard.id,
            started_at,
            self._clock(),
            copy_id=copy.id,
            audit_id=audit.id,
            lease_token=lease.token,
        )

    def _shard(self, inventory_id: int, shard_id: int) -> ShardRow:
        return next(shard for shard in self._inventory(inventory_id).shards if shard.id == shard_id)

    def _judge(
        self, view: CopyView, copy: CopyRow, shard: ShardRow, paths: Sequence[bytes] | None, audit: AuditRow | None
    ) -> Judgement:
        record = self._record(shard.id)
        seen = view.look()
        if isinstance(seen, Absent):
            return unavailable(record, seen.cause)
        if isinstance(seen, CopyGone):
            return copy_missing(record)
        assert view.store is not None
        required = {} if audit is None else {"required": audit.required}
        checker = ShardChecker(
            view.store,
            str(self._replicas[copy.replica_id].uuid),
            Digester(("sha256",), self._threads.files),
            on_bytes=self._count,
            **required,
        )
        if paths is not None:
            return checker.check_paths(copy.location, record, paths, seen.names(shard))
        return checker.check(copy.location, record, shard.root, seen.names(shard))

    def _count(self, bytes_read: int) -> None:
        if self._stop.is_set():
            raise Stopped
        self._progress.advance(bytes=bytes_read)


class _Run:
    """The loop of one audit: lease a few, submit, commit what is ready, again."""

    def __init__(self, auditor: Auditor, audit: AuditRow) -> None:
        self._auditor = auditor
        self._audit = audit
        self._catalog = auditor._catalog
        self._in_hand: dict[Future[CheckResult], Lease] = {}
        self._views: dict[int, CopyView] = {}
        self._copies: dict[int, CopyRow] = {}
        self._left: Counter[int] = Counter()
        self._renewed_at = auditor._clock()

    def go(self) -> None:
        self._copies = {copy.id: copy for copy in self._catalog.copies()}
        pairs = self._catalog.remaining(self._audit.id)
        self._left = Counter(copy_id for copy_id, _ in pairs)
        waiting = deque(_in_turn(pairs, self._copies))
        window = self._auditor._threads.count * _AHEAD
        while (waiting or self._in_hand) and not self._auditor._stop.is_set():
            if waiting and len(self._in_hand) <= window // 2:
                self._take([waiting.popleft() for _ in range(min(len(waiting), window - len(self._in_hand)))])
            if self._in_hand:
                done, _ = wait(self._in_hand, timeout=1.0, return_when=FIRST_COMPLETED)
                self._commit(done)
                self._renew()
        if self._auditor._stop.is_set():
            self.finish_in_hand()

    def _take(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Leases shards and hands them to the threads; what another worker holds is left to it."""
        auditor = self._auditor
        leases = self._catalog.lease(
            self._audit.id,
            holder=auditor._holder,
            now=auditor._clock(),
            ttl_seconds=LEASE_SECONDS,
            pairs=pairs,
            limit=len(pairs),
        )
        for lease in leases:
            copy = self._copies[lease.copy_id]
            view = self._views.get(copy.id) or self._views.setdefault(copy.id, auditor.view(copy))
            future = auditor._threads.shards.submit(auditor._check, view, copy, lease, self._audit)
            self._in_hand[future] = lease
        for copy_id, _ in pairs:
            self._left[copy_id] -= 1
            if self._left[copy_id] == 0:
                self._views.pop(copy_id, None)  # its last shards keep it for as long as they need it

    def _commit(self, done: Iterable[Future[CheckResult]]) -> None:
        results, faults = [], []
        for future in done:
            lease = self._in_hand.pop(future)
            error = future.exception()
            if error is None:
                results.append(future.result())
                continue
            self._catalog.release([lease])
            if not isinstance(error, Stopped):
                faults.append(error)
        if results:
            self._catalog.commit_checks(results, self._auditor._clock())
        if faults:
            raise faults[0]

    def _renew(self) -> None:
        now = self._auditor._clock()
        if (now - self._renewed_at).total_seconds() >= _RENEW_EVERY_SECONDS:
            self._catalog.renew(list(self._in_hand.values()), now, LEASE_SECONDS)
            self._renewed_at = now

    def finish_in_hand(self) -> None:
        """Waits until the workers have let go; commits what was whole, gives the rest back."""
        cancelled = [future for future in self._in_hand if future.cancel()]
        self._catalog.release([self._in_hand.pop(future) for future in cancelled])
        if self._in_hand:
            done, _ = wait(self._in_hand)
            self._commit(done)


def _in_turn(pairs: Sequence[tuple[int, int]], copies: Mapping[int, CopyRow]) -> Iterable[tuple[int, int]]:
    """The replicas in turn, each copy's shards together, so that every disk has work and few listings are kept."""
    queues: dict[int, deque[tuple[int, int]]] = {}
    for pair in pairs:
        queues.setdefault(copies[pair[0]].replica_id, deque()).append(pair)
    while queues:
        for replica_id in list(queues):
            yield queues[replica_id].popleft()
            if not queues[replica_id]:
                del queues[replica_id]
