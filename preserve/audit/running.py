"""Running an audit: shards are leased, read in threads, judged, and committed with the journal."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from checks.policy import Urgency
from checks.ports import Store
from preserve.audit.copies import CopyView
from preserve.audit.handing import LEASE_SECONDS as LEASE_SECONDS
from preserve.audit.handing import STALL_SECONDS, Run, pairs_by_replica
from preserve.audit.lanes import Lane, Pair, in_order
from preserve.audit.limits import DIED, STOPPED, Gate
from preserve.audit.reading import ShardReader
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, CopyRow
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.stores.passing import in_flight_of


class Auditor:
    """Does the checks that an audit set out to do.

    Args:
        stores: an open store for each replica's id; a replica without one was not there.
        stop: when set, shards in hand are abandoned, what is done is committed, the audit stays resumable; `run`
            returns within five seconds, whatever hangs.
        stall_seconds: a reading that gives no byte for so long is given up, and its replica gets nothing more.
        monotonic: seconds, for `stall_seconds`.
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
        stall_seconds: float = STALL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._stores = stores
        self._threads = threads
        self._clock = clock
        self._stop = stop or threading.Event()
        self._stall_seconds = stall_seconds
        self._monotonic = monotonic
        self._reader = ShardReader(catalog, stores, clock, progress, self._stop, monotonic)

    def run(
        self,
        audit: AuditRow,
        *,
        urgencies: Mapping[Pair, Urgency] | None = None,
        gates: Mapping[int, Gate] | None = None,
    ) -> AuditRow:
        """Checks what remains of an audit; ends it, or leaves it stopped for `--resume`, with the reason.

        Args:
            urgencies: of (copy, shard), in the order in which they shall be read; one that is not in it was asked for.
            gates: by replica's id: what limits it; a replica without one is read without limits.

        Raises:
            KeyboardInterrupt: after what was done is committed and the leases are given back.
        """
        run = Run(
            self._catalog,
            self._reader,
            audit,
            self._lanes(audit, urgencies or {}, gates or {}),
            self._threads.count,
            self._clock,
            self._stop,
            stall_seconds=self._stall_seconds,
            monotonic=self._monotonic,
        )
        try:
            run.go()
        except BaseException as error:
            self._stop.set()
            with suppress(Exception):  # several workers may fail by one mistake; the first error is the one to tell
                run.finish_in_hand()
            reason = DIED if isinstance(error, Exception) else STOPPED
            self._end(run, audit, AuditState.STOPPED, reason)
            raise
        finally:
            run.end_threads()
        left = self._catalog.remaining(audit.id)
        self._end(run, audit, AuditState.STOPPED if left else AuditState.ENDED, run.reason if left else "")
        return self._catalog.audit(audit.id)

    def _lanes(self, audit: AuditRow, urgencies: Mapping[Pair, Urgency], gates: Mapping[int, Gate]) -> list[Lane]:
        lanes = []
        pairs = in_order(self._catalog.remaining(audit.id), urgencies)
        for replica_id, chosen in pairs_by_replica(pairs, self._catalog.copies()).items():
            gate = gates.get(replica_id)
            at_once = in_flight_of(self._stores.get(replica_id))
            threads = self._threads.lane(f"replica-{replica_id}", (gate and gate.concurrency) or 1, at_once)
            lanes.append(Lane(chosen, urgencies, gate, threads))
        return lanes

    def _end(self, run: Run, audit: AuditRow, state: AuditState, reason: str) -> None:
        self._catalog.end_audit(audit.id, state, self._clock(), reason=reason, abandoned=run.abandoned)

    def check_path(self, copy: CopyRow, path: bytes, view: CopyView | None = None) -> list[CheckResult]:
        """Reads one file of one copy now, all its segments; not yet committed. A `view` saves listing the copy."""
        return self._reader.check_path(copy, path, view or self.view(copy), self._threads.files)

    def view(self, copy: CopyRow) -> CopyView:
        """The copy as it is listed when it is first looked at."""
        return self._reader.view(copy)
