"""The loop of one run: shards are leased, handed to their replica's threads, and committed when they are read."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from datetime import datetime
from threading import Event

from checks.findings import Code
from preserve.audit.holders import this_process
from preserve.audit.lanes import Lane, Pair
from preserve.audit.limits import BUDGET_TIME, HOURS, OTHER_RUN, REPLICA_UNAVAILABLE, STOPPED
from preserve.audit.reading import Hand, ShardReader, Stopped
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditRow, CheckResult, CopyRow

LEASE_SECONDS = 120
STALL_SECONDS = 600.0  # without one byte or name, after which a reading is given up
_RENEW_EVERY_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.5  # at whether to stop, at hours, and at what hangs
_LET_GO_SECONDS = 2.5  # in which workers abandon what they read once they are told to stop
_END_SECONDS = 1.0  # in which idle threads end; what hangs is left behind
_WORST_FIRST = (REPLICA_UNAVAILABLE, BUDGET_TIME, HOURS)


class Run:
    """One audit under way. The replicas are never touched from here, so that nothing they do can hold it up.

    Args:
        lanes: one for each replica that has shards left.
        threads: shared by the lanes whose number of shards at once is not set; what one needs no more, the others get.
        stop: when set, the run ends within seconds, whatever hangs.
    """

    def __init__(
        self,
        catalog: Catalog,
        reader: ShardReader,
        audit: AuditRow,
        lanes: Sequence[Lane],
        threads: int,
        clock: Callable[[], datetime],
        stop: Event,
        *,
        stall_seconds: float = STALL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._audit = audit
        self._lanes = lanes
        self._threads = threads
        self._clock = clock
        self._stop = stop
        self._stall_seconds = stall_seconds
        self._monotonic = monotonic
        self._holder = this_process()
        self._copies: dict[int, CopyRow] = {copy.id: copy for copy in catalog.copies()}
        self._renewed_at = monotonic()
        self.abandoned = 0  # shards whose reading had begun when the run was stopped

    @property
    def reason(self) -> str:
        """Why something was left undone, the worst reason first; empty if that is not known here."""
        if self._stop.is_set():
            return STOPPED
        reasons = {lane.reason for lane in self._lanes if lane.held_back}
        worst = next((reason for reason in _WORST_FIRST if reason in reasons), "")
        return worst or (OTHER_RUN if any(lane.left_to_others for lane in self._lanes) else "")

    def go(self) -> None:
        """Works until nothing may be handed out any more, or it is stopped.

        Raises:
            Exception: what a worker raised that is no answer of a store.
        """
        while not self._stop.is_set() and not all(lane.ended for lane in self._lanes):
            self._hand_out()
            in_hand = [future for lane in self._lanes for future in lane.in_hand]
            if in_hand:
                done, _ = wait(in_hand, timeout=_LOOK_EVERY_SECONDS, return_when=FIRST_COMPLETED)
                self._commit(done)
                self._renew()
                self._give_up_silent()
        if self._stop.is_set():
            self.finish_in_hand()

    def _hand_out(self) -> None:
        """Leases shards and hands them to the threads; what another worker holds is left to it."""
        now = self._clock()
        at_work = [lane for lane in self._lanes if not lane.ended]
        for lane in at_work:
            lane.share(-(-self._threads // len(at_work)))
        self._release([hand for lane in self._lanes for hand in lane.recall(now)])
        taken = [(lane, lane.take(now)) for lane in self._lanes]
        pairs = [pair for _, chosen in taken for pair in chosen]
        if not pairs:
            return
        leases = self._catalog.lease(
            self._audit.id, holder=self._holder, now=now, ttl_seconds=LEASE_SECONDS, pairs=pairs, limit=len(pairs)
        )
        leased = {(lease.copy_id, lease.shard_id): lease for lease in leases}
        for lane, chosen in taken:
            for pair in chosen:
                if pair in leased:
                    copy = self._copies[pair[0]]
                    view = lane.view(copy, pair, self._reader.view)
                    hand = Hand(audit=self._audit, lease=leased[pair], copy=copy, view=view)
                    lane.in_hand[lane.threads.shards.submit(self._reader.check, hand, lane.threads.files)] = hand
                else:
                    lane.left_to_others += 1
            lane.handed(chosen)

    def _commit(self, done: Iterable[Future[CheckResult]]) -> None:
        results: list[CheckResult] = []
        faults: list[BaseException] = []
        undone: list[Hand] = []
        ready = set(done)
        for lane in self._lanes:
            for future in ready & lane.in_hand.keys():
                hand = lane.in_hand.pop(future)
                error = future.exception()
                if error is None:
                    results.append(future.result())
                    if _is_outage(results[-1]):
                        lane.close(REPLICA_UNAVAILABLE)
                    continue
                undone.append(hand)
                if not isinstance(error, Stopped | CancelledError):
                    faults.append(error)
                elif hand.begun_at is not None:
                    self.abandoned += 1
        self._release(undone)
        if results:
            self._catalog.commit_checks(results, self._clock())
        if faults:
            raise faults[0]

    def _give_up_silent(self) -> None:
        """A reading that gives no sign is recorded as not determined, and its replica gets nothing more."""
        now = self._monotonic()
        results = []
        for lane in self._lanes:
            for future, hand in lane.silent(now, self._stall_seconds):
                del lane.in_hand[future]
                results.append(self._reader.gave_no_answer(hand, self._stall_seconds))
                lane.close(REPLICA_UNAVAILABLE)
                self._release(lane.recall(self._clock(), all_of_them=True))
        if results:
            self._catalog.commit_checks(results, self._clock())

    def _renew(self) -> None:
        now = self._monotonic()
        if now - self._renewed_at >= _RENEW_EVERY_SECONDS:
            leases = [hand.lease for lane in self._lanes for hand in lane.in_hand.values()]
            self._catalog.renew(leases, self._clock(), LEASE_SECONDS)
            self._renewed_at = now

    def finish_in_hand(self) -> None:
        """Waits a little until the workers have let go; commits what was whole and gives the rest back.

        What has not let go by then hangs: it is left behind, and nothing that comes of it counts.
        """
        now = self._clock()
        self._release([hand for lane in self._lanes for hand in lane.recall(now, all_of_them=True)])
        in_hand = {future: hand for lane in self._lanes for future, hand in lane.in_hand.items()}
        done, hanging = wait(in_hand, timeout=_LET_GO_SECONDS)
        for future in hanging:
            in_hand[future].given_up = True
        for lane in self._lanes:
            for future in hanging & lane.in_hand.keys():
                del lane.in_hand[future]
        self.abandoned += len(hanging)
        self._release([in_hand[future] for future in hanging])
        self._commit(done)

    def end_threads(self) -> None:
        """Ends the lanes' threads. All that can end has ended; what hangs is left behind."""
        until = time.monotonic() + _END_SECONDS
        for lane in self._lanes:
            lane.threads.end(max(0.0, until - time.monotonic()))

    def _release(self, hands: Sequence[Hand]) -> None:
        if hands:
            self._catalog.release([hand.lease for hand in hands])


def _is_outage(result: CheckResult) -> bool:
    return any(finding.code is Code.REPLICA_UNAVAILABLE for finding in result.findings)


def pairs_by_replica(pairs: Iterable[Pair], copies: Iterable[CopyRow]) -> dict[int, list[Pair]]:
    """The pairs of each replica's id, in the order given."""
    replica_of = {copy.id: copy.replica_id for copy in copies}
    found: dict[int, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(replica_of[pair[0]], []).append(pair)
    return found
