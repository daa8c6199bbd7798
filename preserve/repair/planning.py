"""What repair would do: for every damaged path of every copy what would be done about it, and from where."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from checks.evidence import Outcome
from checks.findings import Code
from checks.inventory import Entry, segment_count
from checks.policy import MassChange
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, FindingRow, FrozenCopy
from preserve.repair.origins import Origin, Origins
from preserve.stores.port import ReplicaStore


class Method(StrEnum):
    """What is done about a damaged path."""

    REPLACE = "replace"  # set the bad file aside, put a good one in its place
    WRITE = "write"  # there is none: put a good one there
    RENAME_BACK = "rename-back"  # its content lies under another name of the same copy
    SEGMENTS = "segments"  # of a large file: write the bad segments only
    COPY_AGAIN = "copy-again"  # the whole folder is gone
    SET_ASIDE = "set-aside"  # what was never taken in, if asked for


class Why(StrEnum):
    """Why nothing is done about a finding."""

    FROZEN = "frozen"
    AWAY = "replica-away"
    UNTRACKED = "untracked"
    UNREAD = "unread"
    LOST = "no-good-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. `path` is None for a whole copy; `entry` is what was taken in there."""

    copy: CopyRow
    row: FindingRow
    method: Method
    path: bytes | None = None
    entry: Entry | None = None
    origins: Sequence[Origin] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A finding about which nothing can or may be done."""

    copy: CopyRow
    row: FindingRow
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    steps: Sequence[Step]
    left: Sequence[Left]
    frozen: Sequence[FrozenCopy]


class Planner:
    """Plans from the open findings.

    Args:
        stores: an open store for each replica that is there, by the replica's id.
        rule: what freezes a replica.
        quarantine_untracked: whether untracked files are to be set aside.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[int, ReplicaStore],
        rule: MassChange,
        *,
        quarantine_untracked: bool = False,
    ) -> None:
        self._catalog = catalog
        self._stores = stores
        self._rule = rule
        self._quarantine_untracked = quarantine_untracked

    def plan(self, package_ids: Sequence[int] | None, replica_ids: Sequence[int]) -> Plan:
        """The plan for these packages (None: all) on these replicas."""
        frozen = self._catalog.frozen(self._rule, replica_ids)
        copies = {copy.id: copy for copy in self._catalog.copies(package_ids, replica_ids)}
        rows = [
            row
            for row in self._catalog.findings(package_ids, replica_ids)
            if row.copy_id in copies
            and row.finding.meaning.outcome is not Outcome.PASS
            and not self._is_back(copies, row)
        ]
        stopped = {one.copy.replica_id for one in frozen}
        steps: list[Step] = []
        left: list[Left] = []
        for row in rows:
            copy = copies[row.copy_id]
            method = self._method(row)
            if copy.replica_id not in self._stores:
                left.append(Left(copy=copy, row=row, why=Why.AWAY))
            elif row.finding.meaning.outcome is not Outcome.FAIL:
                left.append(Left(copy=copy, row=row, why=Why.UNREAD))
            elif copy.replica_id in stopped:
                left.append(Left(copy=copy, row=row, why=Why.FROZEN))
            elif method is None:
                left.append(Left(copy=copy, row=row, why=Why.UNTRACKED))
            else:
                steps.append(self._step(copy, row, method))
        return Plan(steps=self._with_origins(_in_order(steps)), left=left, frozen=frozen)

    def _is_back(self, copies: Mapping[int, CopyRow], row: FindingRow) -> bool:
        """An outage that is over says nothing any more; the next audit closes it."""
        return row.code is Code.REPLICA_UNAVAILABLE and copies[row.copy_id].replica_id in self._stores

    def _method(self, row: FindingRow) -> Method | None:
        if row.code is Code.UNTRACKED:
            return Method.SET_ASIDE if self._quarantine_untracked else None
        if row.code is Code.COPY_MISSING:
            return Method.COPY_AGAIN
        if row.code is Code.MOVED:
            return Method.RENAME_BACK
        return Method.WRITE if row.code is Code.MISSING else Method.REPLACE

    def _step(self, copy: CopyRow, row: FindingRow, method: Method) -> Step:
        path = row.finding.path
        entry = None if path is None else self._catalog.entry(copy.inventory_id, path)
        if method is Method.REPLACE and entry is not None and segment_count(entry.size_bytes) > 1:
            observed = row.finding.parameters.get("observed")
            same_size = isinstance(observed, Mapping) and observed.get("size_bytes") == entry.size_bytes
            # Far away nothing is written over in place: then the whole file is replaced.
            if same_size and self._stores[copy.replica_id].has_one_name(copy.location + b"/" + (path or b"")):
                method = Method.SEGMENTS
        return Step(copy=copy, row=row, method=method, path=path, entry=entry)

    def _with_origins(self, steps: Iterable[Step]) -> list[Step]:
        steps = list(steps)
        wanted = _entries(steps)
        if not wanted:
            return steps
        origins = Origins(self._catalog, self._stores)
        held = origins.held(wanted)
        return [
            step
            if step.entry is None
            else replace(
                step,
                origins=origins.of(step.copy, step.entry, held.get((step.entry.size_bytes, step.entry.sha256), ())),
            )
            for step in steps
        ]


def _entries(steps: Iterable[Step]) -> Collection[Entry]:
    return {step.entry for step in steps if step.entry is not None}


def _in_order(steps: Iterable[Step]) -> list[Step]:
    """Copy by copy; what must give way first: a stray file may stand where a folder has to be made."""
    first = [Method.SET_ASIDE, Method.COPY_AGAIN, Method.RENAME_BACK]
    return sorted(
        steps,
        key=lambda step: (
            step.copy.replica,
            step.copy.package,
            step.copy.version,
            first.index(step.method) if step.method in first else len(first),
            step.path or b"",
        ),
    )
