"""Mending one damaged path of one copy, so that at every moment the good bytes or the bad ones are in its place."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from checks.evidence import Outcome, worst
from checks.findings import Code, Finding
from checks.names import path_fields, path_from_fields, show
from checks.ports import Kind, StoreError
from preserve.audit.copies import CopyView, Listed
from preserve.audit.running import Auditor
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, CopyRow
from preserve.errors import PreserveError, UndeterminedError
from preserve.repair.acts import quarantined, repaired
from preserve.repair.origins import Origin, quarantined_at
from preserve.repair.planning import Method, Step
from preserve.repair.reading import Beside, Piece, digest_of, fetch
from preserve.repair.segments import mend_segments
from preserve.repair.work import Ending, Mended, Work, no_source
from preserve.stores.port import Entry, ReplicaStore
from preserve.stores.quarantine import CONTENT

_SUSPECT = "Suspect this place (a disk, a server) or the way to it (a cable, the network)."


class Mender:
    """Mends files of copies on replicas that are there and held by this process.

    Args:
        stores: by the replica's id.
        by: who runs it, as the journal will say.
        on_bytes: told of what is written and read back, in bytes; what is audited is told by the auditor.
    """

    def __init__(
        self,
        catalog: Catalog,
        auditor: Auditor,
        stores: Mapping[int, ReplicaStore],
        clock: Callable[[], datetime],
        by: str,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._on_bytes = on_bytes
        self._catalog = catalog
        self._auditor = auditor
        self._stores = stores
        self._clock = clock
        self.by = by
        self._views: dict[int, CopyView] = {}
        # Set aside by this run, by SHA-256 (hex): what is bad here may be another file's good bytes.
        self._aside: dict[str, list[Origin]] = {}

    def now(self) -> datetime:
        return self._clock()

    def mend(self, step: Step) -> Mended:
        """Does one step and records it. What goes wrong is in the answer; the file is then as it was, or mended."""
        try:
            return self._set_aside(step) if step.method is Method.SET_ASIDE else self._mend(step)
        except PreserveError as error:
            return _failed(step, error.message, error.remedy)
        except (StoreError, OSError) as error:
            return _failed(step, str(error), "")

    def _mend(self, step: Step) -> Mended:
        assert step.path is not None
        before = self.check(step.copy, step.path)
        self._catalog.commit_checks(before, self._clock())
        outcome = worst([result.outcome for result in before])
        found = _damage(before, step.path)
        if outcome is Outcome.PASS:
            return Mended(step=step, ending=Ending.WAS_GOOD, method=step.method, results=before)
        if outcome is Outcome.INCONCLUSIVE or found is None:
            return _failed(step, _said(before), "Look at the medium, audit again, then repair.", outcome)
        work = self._work(step, found)
        method = self._carry_out(work, before)
        if method is None:
            return no_source(step, work.faults, unread=work.unread)
        return self._recorded(work, method)

    def _carry_out(self, work: Work, before: Sequence[CheckResult]) -> Method | None:
        """Chooses by what was found just now; None if no good bytes could be had, and nothing was changed then."""
        if work.code in (Code.MISSING, Code.MOVED) and self._rename_back(work):
            return Method.RENAME_BACK
        if work.code in (Code.MISSING, Code.MOVED):
            return Method.WRITE if self._write(work) else None
        if work.step.method is Method.SEGMENTS and work.store.has_one_name(work.full):
            return Method.SEGMENTS if mend_segments(self, work, self._suspects(work, before)) else None
        return Method.REPLACE if self._replace(work) else None

    def _suspects(self, work: Work, before: Sequence[CheckResult]) -> list[int]:
        """The segments in those shards of the file that were not good."""
        assert work.step.path is not None
        bad = [result.shard_id for result in before if result.outcome is not Outcome.PASS]
        return [
            segment
            for shard_id in bad
            for path, segment, _, _ in self._catalog.record(shard_id).entries()
            if path == work.step.path
        ]

    def _work(self, step: Step, found: Finding) -> Work:
        assert step.path is not None
        store, view = self._stores[step.copy.replica_id], self.view(step.copy)
        seen = view.look()
        on_disk = seen.differences.spelled.get(step.path, step.path) if isinstance(seen, Listed) else step.path
        return Work(
            step=step,
            store=store,
            quarantine=store.quarantine(),
            view=view,
            on_disk=on_disk,
            code=found.code,
            observed=found.parameters.get("observed"),
        )

    def count(self, buffer: memoryview) -> None:
        self._on_bytes(len(buffer))

    def view(self, copy: CopyRow) -> CopyView:
        """A copy's listing, made once for all that is mended on it."""
        return self._views.get(copy.id) or self._views.setdefault(copy.id, self._auditor.view(copy))

    def check(self, copy: CopyRow, path: bytes) -> list[CheckResult]:
        """Reads one file of a copy past the cache and judges it."""
        return self._auditor.check_path(copy, path, self.view(copy))

    def begin(self, work: Work, method: Method, piece: Piece | None) -> Entry:
        """An entry in the quarantine that says what is going to happen."""
        at = self._clock()
        document = {
            "format": "preserve-quarantine/1",
            "package": work.step.row.package,
            "copy": work.step.copy.id,
            "replica": work.step.copy.replica,
            "version": work.step.copy.version,
            "location": path_fields(work.step.copy.location),
            "file": path_fields(work.step.path),
            "on_disk": path_fields(work.on_disk),
            "reason": "untracked" if method is Method.SET_ASIDE else "damaged",
            "code": work.code.value,
            "method": method.value,
            "expected": None if piece is None else {"size_bytes": piece.length, "sha256": piece.sha256.hex()},
            "observed": work.observed,
            "segment": None if piece is None else piece.segment,
            "at": at.isoformat(),
            "by": self.by,
        }
        return work.quarantine.begin(document, at)

    def stage(self, work: Work, entry: Entry, name: bytes, piece: Piece, *, beside: bool) -> bool:
        """Writes the good bytes into an entry, from the first origin that has them, and reads them back.

        Raises:
            UndeterminedError: they cannot be written, or the medium does not keep them.
        """
        for origin in (*work.step.origins, *self._aside.get(piece.sha256.hex(), ())):
            with Beside(work.store, work.full, piece) as bad:
                with entry.file(name, size_bytes=piece.length, sha256=piece.sha256) as sink:
                    fetched = fetch(origin, piece, [sink, self.count, *([bad.update] if beside else [])])
                if not fetched.fault:
                    _refuse_unkept(work.store, entry, name, piece, self.count)
                    work.origin, work.evidence = origin, fetched.evidence
                    work.diagnosis = bad.diagnosis() if beside else None
                    return True
            work.missed(origin, fetched)
            entry.remove(name)
        return False

    def _write(self, work: Work) -> bool:
        entry = self.begin(work, Method.WRITE, work.piece)
        try:
            if not self.stage(work, entry, CONTENT, work.piece, beside=False):
                return False
            entry.give(CONTENT, work.full, make=True)
        finally:
            entry.discard()  # there was nothing to set aside
        work.acts.append(repaired(work, Method.WRITE, "", self.by))
        return True

    def _replace(self, work: Work) -> bool:
        entry = self.begin(work, Method.REPLACE, work.piece)
        try:
            staged = self.stage(work, entry, CONTENT, work.piece, beside=True)
        except BaseException:
            entry.discard()
            raise
        if not staged:
            entry.discard()
            return False
        entry.exchange(work.full)
        size, digest = digest_of(work.store, entry.location + b"/" + CONTENT, self.count)
        entry.seal(digest)
        name = os.fsdecode(entry.name)
        if digest is not None:
            there = quarantined_at(work.step.copy.replica, work.store, name)
            self._aside.setdefault(digest, []).append(there)
        work.acts += [quarantined(work, name, size, digest, self.by), repaired(work, Method.REPLACE, name, self.by)]
        return True

    def _rename_back(self, work: Work) -> bool:
        name = self._other_name(work)
        if name is None:
            return False
        copy = work.step.copy
        there = Origin(name=copy.replica, store=work.store, path=copy.location + b"/" + name, other=show(name))
        found = fetch(there, work.piece, [self.count])
        if found.fault:
            work.missed(there, found)
            return False
        entry = self.begin(work, Method.RENAME_BACK, work.piece)
        try:
            entry.take(there.path)
            entry.give(CONTENT, work.full, make=True)
        finally:
            if entry.has(CONTENT):
                entry.give(CONTENT, there.path)
            entry.discard()
        work.origin, work.evidence = there, found.evidence
        work.acts.append(repaired(work, Method.RENAME_BACK, "", self.by))
        return True

    def _other_name(self, work: Work) -> bytes | None:
        """Where its content lies by the listing of now, or lay when an audit found that it was moved."""
        seen, told = work.view.look(), work.step.row.finding.parameters.get("found")
        now = seen.moved.get(work.step.path or b"") if isinstance(seen, Listed) else None
        return now or (path_from_fields(told) if isinstance(told, Mapping) else None)

    def _set_aside(self, step: Step) -> Mended:
        """An untracked file goes into the quarantine as it is."""
        assert step.path is not None
        work = self._work(step, step.row.finding)
        seen = work.view.look()
        still = isinstance(seen, Listed) and step.path in seen.differences.untracked
        if not still or work.store.stat(work.full).kind is Kind.DIRECTORY:
            return _failed(step, "it is not there any more as it was found", "Audit again, then repair.")
        entry = self.begin(work, Method.SET_ASIDE, None)
        try:
            entry.take(work.full)
        except BaseException:
            entry.discard()
            raise
        size, digest = digest_of(work.store, entry.location + b"/" + CONTENT)
        entry.seal(digest)
        name = os.fsdecode(entry.name)
        act = quarantined(work, name, size, digest, self.by, settles=((Code.UNTRACKED, step.path),))
        self._catalog.record_acts([act], (), self._clock())
        return Mended(step=step, ending=Ending.SET_ASIDE, method=Method.SET_ASIDE, entry=name)

    def _recorded(self, work: Work, method: Method) -> Mended:
        """Reads the file in its place, and records what was done and what is there now."""
        assert work.step.path is not None
        after = self.check(work.step.copy, work.step.path)
        self._catalog.record_acts(work.acts, after, self._clock())
        outcome = worst([result.outcome for result in after])
        entries = [str(act.body["entry"]) for act in work.acts if act.body.get("entry")]
        return Mended(
            step=work.step,
            ending=Ending.REPAIRED if outcome is Outcome.PASS else Ending.FAILED,
            method=method,
            origin=work.origin,
            evidence=work.evidence,
            diagnosis=work.diagnosis,
            entry=", ".join(dict.fromkeys(entries)),
            problem="" if outcome is Outcome.PASS else f"it was put in place, and now: {_said(after)}",
            remedy="" if outcome is Outcome.PASS else _SUSPECT + " What was set aside is kept.",
            outcome=outcome,
            results=after,
        )


def _refuse_unkept(
    store: ReplicaStore, entry: Entry, name: bytes, piece: Piece, count: Callable[[memoryview], None]
) -> None:
    """Reads what was staged back past the cache, before anything is moved for it."""
    path = entry.location + b"/" + name
    fault = fetch(Origin(name="", store=store, path=path), piece, [count], alone=True).fault
    if fault:
        raise UndeterminedError(
            f"{store.where}/{show(path)}: what was written does not read back: {fault}",
            remedy=f"Nothing was moved. {_SUSPECT}",
        )


def _damage(results: Sequence[CheckResult], path: bytes) -> Finding | None:
    found = [finding for result in results for finding in result.findings if finding.path == path]
    return next((finding for finding in found if finding.meaning.outcome is Outcome.FAIL), None)


def _said(results: Sequence[CheckResult]) -> str:
    return next((found.message for result in results for found in result.findings), "it could not be read")


def _failed(step: Step, problem: str, remedy: str, outcome: Outcome = Outcome.INCONCLUSIVE) -> Mended:
    return Mended(step=step, ending=Ending.FAILED, method=step.method, problem=problem, remedy=remedy, outcome=outcome)
