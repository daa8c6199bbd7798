"""Reading and judging one shard of a copy, in whatever thread it was handed to."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial

from checks.claims import ClaimedStore, ClaimReader
from checks.digesting import Digester, Pool
from checks.evidence import Evidence
from checks.ports import Store
from checks.shards import Judgement, ShardChecker, copy_missing, unavailable
from preserve.audit.copies import Absent, CopyGone, CopyView, Inventory
from preserve.catalog.catalog import Catalog
from preserve.catalog.results import result_of
from preserve.catalog.rows import AuditRow, CheckResult, CopyRow, Lease, ReplicaRow, ShardRow
from preserve.progress import Progress
from preserve.stores.passing import in_flight_of


def digester_for(store: Store, files: Pool) -> Digester:
    """SHA-256 by these threads: of large files, or of all where it is the store's answers that take time."""
    if in_flight_of(store) > 1:
        return Digester(("sha256",), files, parallel_from_bytes=0)
    return Digester(("sha256",), files)


class Stopped(Exception):
    """Raised inside a worker to abandon the shard in hand: not an error, somebody asked for it."""


@dataclass(slots=True, eq=False, kw_only=True)
class Hand:
    """A leased shard that was handed to a thread, and what was last heard of it. Times in monotonic seconds."""

    audit: AuditRow
    lease: Lease
    copy: CopyRow
    view: CopyView
    begun_at: datetime | None = None  # None while it waits for a thread
    heard_at: float = 0.0
    given_up: bool = False

    def silent_seconds(self, now: float) -> float:
        """For how long nothing was read or listed for it; 0 before it was begun."""
        return 0.0 if self.begun_at is None else now - max(self.heard_at, self.view.heard_at)


class ShardReader:
    """Reads shards of copies. Safe to share between threads.

    Args:
        stores: an open store for each replica's id; a replica without one was not there.
        stop: when set, whatever is being read is abandoned at its next buffer.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[int, Store],
        clock: Callable[[], datetime],
        progress: Progress,
        stop: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._stores = stores
        self._clock = clock
        self._progress = progress
        self._stop = stop
        self._monotonic = monotonic
        self._record = lru_cache(maxsize=256)(catalog.record)
        self._inventory = lru_cache(maxsize=16)(self._load_inventory)
        self._replicas = {replica.id: replica for replica in catalog.replicas(include_removed=True)}

    def view(self, copy: CopyRow) -> CopyView:
        """The copy as it is listed when it is first looked at."""
        replica: ReplicaRow = self._replicas[copy.replica_id]
        inventory = partial(self._inventory, copy.inventory_id)
        store = self._stores.get(copy.replica_id)
        return CopyView(store, str(replica.uuid), copy.location, inventory, self._now_unless_stopped)

    def _now_unless_stopped(self) -> float:
        if self._stop.is_set():
            raise Stopped
        return self._monotonic()

    def _load_inventory(self, inventory_id: int) -> Inventory:
        return Inventory(
            shards=tuple(self._catalog.shards(inventory_id)),
            record=self._record,
            whole={entry.path: entry.sha256 for entry in self._catalog.large_files(inventory_id)},
        )

    def check(self, hand: Hand, files: Pool) -> CheckResult:
        """One leased shard; its large files are read by `files`."""
        hand.heard_at = self._monotonic()
        self._refuse(hand)
        hand.begun_at = started_at = self._clock()
        copy = hand.copy
        shard = self._shard(copy.inventory_id, hand.lease.shard_id)
        count = self._count(copy.replica, hand)
        judgement = self._judge(hand.view, copy, shard, None, files, count, required=hand.audit.required)
        if hand.given_up:
            raise Stopped  # an answer was recorded in its place, or nobody waits for it
        self._progress.advance(files=shard.files, replica=copy.replica)
        if judgement.findings:
            self._progress.found(len(judgement.findings), replica=copy.replica)
        return self._result(hand, judgement, started_at)

    def gave_no_answer(self, hand: Hand, seconds: float) -> CheckResult:
        """What is recorded of a shard whose reading is given up: it could not be determined."""
        hand.given_up = True
        judgement = unavailable(self._record(hand.lease.shard_id), f"no answer for {seconds:.0f} s")
        self._progress.found(len(judgement.findings), replica=hand.copy.replica)
        return self._result(hand, judgement, hand.begun_at or self._clock())

    def check_path(self, copy: CopyRow, path: bytes, view: CopyView, files: Pool) -> list[CheckResult]:
        """One file, all its segments, in the caller's thread."""
        shards = {shard.id: shard for shard in self._inventory(copy.inventory_id).shards}
        results = []
        for shard_id in self._catalog.shard_ids_of(copy.inventory_id, path):
            started_at = self._clock()
            count = self._count(copy.replica)
            judgement = self._judge(view, copy, shards[shard_id], (path,), files, count)
            results.append(result_of(judgement, shard_id, started_at, self._clock(), copy_id=copy.id, paths=(path,)))
        return results

    def _result(self, hand: Hand, judgement: Judgement, started_at: datetime) -> CheckResult:
        if hand.audit.required < Evidence.READ:
            # A provider was asked and nothing was read, however much of it came to nothing.
            level = Evidence.CLAIMED if judgement.evidence >= Evidence.CLAIMED else Evidence.SIZED
            judgement = replace(judgement, evidence=level)
        return result_of(
            judgement,
            hand.lease.shard_id,
            started_at,
            self._clock(),
            copy_id=hand.copy.id,
            audit_id=hand.audit.id,
            lease_token=hand.lease.token,
        )

    def _shard(self, inventory_id: int, shard_id: int) -> ShardRow:
        return next(shard for shard in self._inventory(inventory_id).shards if shard.id == shard_id)

    def _judge(
        self,
        view: CopyView,
        copy: CopyRow,
        shard: ShardRow,
        paths: Sequence[bytes] | None,
        files: Pool,
        count: Callable[[int], None],
        **required: Evidence,
    ) -> Judgement:
        record = self._record(shard.id)
        seen = view.look()
        if isinstance(seen, Absent):
            return unavailable(record, seen.cause)
        if isinstance(seen, CopyGone):
            return copy_missing(record)
        assert view.store is not None
        uuid = str(self._replicas[copy.replica_id].uuid)
        if isinstance(view.store, ClaimedStore):
            digester: Digester = ClaimReader(files, told=count)
        else:
            digester = digester_for(view.store, files)
        again = partial(self._progress.expect, replica=copy.replica)
        checker = ShardChecker(view.store, uuid, digester, on_bytes=count, on_again=again, **required)
        if paths is not None:
            return checker.check_paths(copy.location, record, paths, seen.names(shard))
        return checker.check(copy.location, record, shard.root, seen.names(shard))

    def _refuse(self, hand: Hand) -> None:
        if hand.given_up or self._stop.is_set():
            raise Stopped

    def _count(self, replica: str, hand: Hand | None = None) -> Callable[[int], None]:
        """What is called with every buffer, from any thread; it raises to end the reading."""
        is_stopped, monotonic, advance = self._stop.is_set, self._monotonic, self._progress.advance

        def count(bytes_read: int) -> None:
            if is_stopped() or (hand is not None and hand.given_up):
                raise Stopped
            if hand is not None:
                hand.heard_at = monotonic()
            advance(bytes=bytes_read, replica=replica)

        return count
