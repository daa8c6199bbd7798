"""Repair: the plan looked into, or carried out, replica by replica."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from checks.evidence import Outcome
from checks.ports import StoreError
from preserve.audit.running import Auditor
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, PackageRow, ReplicaRow
from preserve.errors import PreserveError, UndeterminedError
from preserve.repair.amounts import Steps
from preserve.repair.mending import Mender
from preserve.repair.planning import Method, Plan, Step
from preserve.repair.reading import Beside, Piece, fetch
from preserve.repair.settling import Settler
from preserve.repair.work import Ending, Mended, no_source
from preserve.replicate.service import Placed, Replicator
from preserve.stores.port import ReplicaStore


class Repairer:
    """Looks into a plan, or carries it out.

    Args:
        stores: an open store for each replica that is there, by the replica's id.
        by: who runs it, as the journal will say.
        steps: told how far it is; `auditor` and `replicator` tell it, too.
    """

    def __init__(
        self,
        catalog: Catalog,
        auditor: Auditor,
        replicator: Replicator,
        stores: Mapping[int, ReplicaStore],
        clock: Callable[[], datetime],
        by: str,
        steps: Steps,
    ) -> None:
        self._catalog = catalog
        self._steps = steps
        self._replicator = replicator
        self._stores = stores
        self._mender = Mender(catalog, auditor, stores, clock, by, steps.count)

    def look(self, plan: Plan) -> Iterator[Mended]:
        """Reads what the plan would use, and tells for each step from where it would be mended, and the cause.

        Nothing is changed and nothing is recorded.
        """
        self._steps.begin("looking into it", plan.steps, applied=False)
        for step in plan.steps:
            with self._steps.at_step(step, applied=False):
                mended = step_looked_into(step, self._stores[step.copy.replica_id], self._steps.count)
            yield mended

    def settle(self, replicas: Sequence[ReplicaRow]) -> Iterator[tuple[str, str]]:
        """Settles what killed repairs left: (replica, what was done)."""
        for replica in replicas:
            store = self._stores.get(replica.id)
            if store is None:
                continue
            try:
                with store.quarantine().held():
                    for told in Settler(self._catalog, self._mender, replica, store).settle():
                        yield replica.name, told
            except (
                UndeterminedError,
                StoreError,
            ) as error:  # such as a disk that went read-only: others can be worked on
                yield replica.name, f"could not be looked through: {error}"

    def apply(self, plan: Plan) -> Iterator[Mended]:
        """Carries the plan out; each step is recorded before it is told."""
        self._steps.begin("repairing", plan.steps, applied=True)
        for replica_id, steps in groupby(plan.steps, key=lambda step: step.copy.replica_id):
            with ExitStack() as held:
                try:
                    held.enter_context(self._stores[replica_id].quarantine().held())
                except UndeterminedError as error:
                    yield from (
                        _ended(step, Ending.FAILED, error.message, error.remedy, Outcome.INCONCLUSIVE) for step in steps
                    )
                    continue
                # Asked under the lock: a copy that was deleted since the plan was made is not made again.
                in_care = {copy.id for copy in self._catalog.copies(replica_ids=[replica_id])}
                for step in steps:
                    if step.copy.id not in in_care:
                        told = "its package was removed meanwhile"
                        yield _ended(step, Ending.FAILED, told, "", Outcome.INCONCLUSIVE)
                        continue
                    with self._steps.at_step(step, applied=True):
                        again = step.method is Method.COPY_AGAIN
                        mended = self._copy_again(step) if again else self._mender.mend(step)
                    yield mended

    def _copy_again(self, step: Step) -> Mended:
        """A copy whose folder is gone is made again, of the version that it was of."""
        package = of_version(self._catalog, step.copy)
        replica = next(one for one in self._catalog.replicas() if one.id == step.copy.replica_id)
        try:
            (placed,) = self._replicator.place([package], [replica])
        except PreserveError as error:
            return _ended(step, Ending.FAILED, error.message, error.remedy, Outcome.INCONCLUSIVE)
        if placed.outcome is Outcome.PASS:
            return _ended(step, Ending.WAS_GOOD if placed.already else Ending.REPAIRED, "", "", Outcome.PASS)
        return _not_copied(step, placed)


def of_version(catalog: Catalog, copy: CopyRow) -> PackageRow:
    """The package as it was in the version that a copy is of."""
    (package,) = catalog.packages([copy.package])
    if package.inventory_id == copy.inventory_id:
        return package
    size = sum(shard.bytes_to_read for shard in catalog.shards(copy.inventory_id))
    return replace(package, inventory_id=copy.inventory_id, version=copy.version, size_bytes=size)


def step_looked_into(step: Step, store: ReplicaStore, on_bytes: Callable[[int], None] = lambda _: None) -> Mended:
    """A step with the origin that proves good now, and the cause of the damage; nothing is changed."""

    def count(buffer: memoryview) -> None:
        on_bytes(len(buffer))

    planned = Mended(step=step, ending=Ending.PLANNED, method=step.method, outcome=Outcome.FAIL)
    if step.entry is None or step.path is None:
        return planned
    faults, unread = [], False
    own = step.method is Method.RENAME_BACK  # its own bytes, under their other name, are the first choice then
    for origin in sorted(step.origins, key=lambda one: own and one.name != step.copy.replica):
        try:
            piece = Piece(step.entry)
            with Beside(store, step.copy.location + b"/" + step.path, piece) as bad:
                fetched = fetch(origin, piece, [bad.update, count])
                if not fetched.fault:
                    told = bad.diagnosis()
                    return replace(planned, origin=origin, evidence=fetched.evidence, diagnosis=told)
        except StoreError as error:
            faults.append(f"{origin.name}: {error}")
            unread = True
            continue
        faults.append(f"{origin.name}: {fetched.fault}")
        unread = unread or fetched.unread
    return no_source(step, faults, unread=unread)


def _ended(step: Step, ending: Ending, problem: str, remedy: str, outcome: Outcome) -> Mended:
    return Mended(step=step, ending=ending, method=step.method, problem=problem, remedy=remedy, outcome=outcome)


def _not_copied(step: Step, placed: Placed) -> Mended:
    return _ended(step, Ending.FAILED, placed.problem, placed.remedy, placed.outcome)
