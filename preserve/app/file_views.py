"""The views across copies, file by file: what has drifted, what is lost."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from checks.evidence import Evidence
from checks.findings import Code
from checks.names import show
from checks.verdicts import CopyState, FileVerdict, Verdict, across, state_from
from preserve.app.lines import finding_line
from preserve.app.workspace import Workspace
from preserve.catalog.rows import CopyRow, PackageRow
from reports.rows import DriftView, FileLine, LastRead, LossView

LINES_SHOWN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    """A package whose files are not all known to be good on every copy."""

    row: PackageRow
    copies: Sequence[CopyRow]  # of the current version
    older: Sequence[CopyRow]
    files: Sequence[FileVerdict]  # those with findings
    others: Verdict  # of every other file
    others_held: bool  # whether every other file is good on some copy that was read

    def may_be_lost(self) -> int:
        """Files that no copy is known to hold: not read, or never copied."""
        unread = sum(
            file.verdict is not Verdict.LOST and not (file.good_on or file.elsewhere or _untracked(file))
            for file in self.files
        )
        tracked = sum(not _untracked(file) and file.version is None for file in self.files)
        return unread + (0 if self.others_held else self.row.files - tracked)

    def counts(self) -> Counter[Verdict]:
        """Verdicts of all files of the package; an untracked file is counted beside them."""
        tracked = [file for file in self.files if not _untracked(file) and file.version is None]
        counted = Counter(file.verdict for file in self.files)
        counted[self.others] += self.row.files - len(tracked)
        return counted


def drift_view(workspace: Workspace, identifiers: tuple[str, ...] = ()) -> DriftView:
    """What differs where, and which copies are good."""
    packages = list(_packages(workspace, identifiers))
    rows = workspace.catalog.findings([package.row.id for package in packages])
    drifted = [(package, file) for package in packages for file in package.files if file.verdict is not Verdict.INTACT]
    return DriftView(
        generated_at=workspace.clock(),
        lines=tuple(_line(workspace, package, file) for package, file in _worst_first(drifted)),
        verdict_counts=_total(packages),
        findings=tuple(finding_line(row) for row in rows[:LINES_SHOWN]),
        total_findings=len(rows),
        unread_copies=tuple(
            f"{package.row.identifier} at {copy.replica}"
            for package in packages
            for copy in package.copies
            if copy.shards_read < copy.shards
        ),
    )


def loss_view(workspace: Workspace, identifiers: tuple[str, ...] = ()) -> LossView:
    """What cannot be made whole from any copy, and what may not be."""
    packages = list(_packages(workspace, identifiers))
    at_stake = [
        (package, file)
        for package in packages
        for file in package.files
        if file.verdict in (Verdict.LOST, Verdict.UNKNOWN)
    ]
    lost = {(package.row.identifier, file.path) for package, file in at_stake if file.verdict is Verdict.LOST}
    rows = [
        row
        for row in workspace.catalog.findings([package.row.id for package in packages])
        if (row.package, row.finding.path) in lost
    ]
    lines = tuple(_line(workspace, package, file) for package, file in _worst_first(at_stake))
    return LossView(
        generated_at=workspace.clock(),
        lines=lines,
        verdict_counts=_total(packages),
        may_be_lost=sum(package.may_be_lost() for package in packages),
        findings=tuple(finding_line(row) for row in rows[:LINES_SHOWN]),
        total_findings=len(rows),
        lost_bytes=sum(line.size_bytes or 0 for line in lines if line.file.verdict is Verdict.LOST),
    )


def _packages(workspace: Workspace, identifiers: tuple[str, ...]) -> Iterator[_Package]:
    catalog = workspace.catalog
    wide: dict[int, list[Code]] = {}
    for row in catalog.findings():
        if row.finding.path is None:
            wide.setdefault(row.copy_id, []).append(row.finding.code)
    in_use = {replica.name for replica in catalog.replicas()}
    for package in workspace.packages(identifiers):
        whole = package.verdict is Verdict.INTACT
        every = [copy for copy in catalog.copies([package.id]) if copy.replica in in_use]
        copies = [copy for copy in every if copy.current]
        states = [state_from(wide.get(copy.id, ()), read=copy.shards_read == copy.shards) for copy in copies]
        yield _Package(
            row=package,
            copies=copies,
            older=[copy for copy in every if not copy.current],
            files=() if whole else catalog.file_verdicts(package.id),
            others_held=CopyState.GOOD in states,
            others=across(states, minimum_copies=workspace.settings.audit.minimum_copies or 1),
        )


def _total(packages: Sequence[_Package]) -> Mapping[Verdict, int]:
    total: Counter[Verdict] = Counter()
    for package in packages:
        total += package.counts()
    return total


def _untracked(file: FileVerdict) -> bool:
    codes = {code for of_copy in file.codes.values() for code in of_copy}
    return codes == {Code.UNTRACKED}


def _worst_first(files: list[tuple[_Package, FileVerdict]]) -> list[tuple[_Package, FileVerdict]]:
    order = list(Verdict)
    return sorted(files, key=lambda item: -order.index(item[1].verdict))[:LINES_SHOWN]


def _line(workspace: Workspace, package: _Package, file: FileVerdict) -> FileLine:
    copies = [copy for copy in package.older if copy.version == file.version] if file.version else package.copies
    inventory_id = copies[0].inventory_id if copies else package.row.inventory_id
    entry = workspace.catalog.entry(inventory_id, file.path)
    shard_ids = workspace.catalog.shard_ids_of(inventory_id, file.path)
    return FileLine(
        package=package.row.identifier,
        file=file,
        size_bytes=None if entry is None else entry.size_bytes,
        source=_source(package.row, file.path),
        reads={
            copy.replica: read
            for copy in copies
            if file.states.get(copy.replica) in (CopyState.GOOD, CopyState.BAD)
            and (read := _last_read(workspace, copy, shard_ids, file.codes.get(copy.replica, ()))) is not None
        },
    )


def _source(package: PackageRow, path: bytes) -> str:
    """The bag that was taken in, if it still stands and has the file. Nothing is said of its content."""
    there = package.source is not None and os.path.lexists(os.path.join(package.source, path))
    return show(package.source) if there and package.source is not None else ""


_NAMES_ONLY = {Code.MISSING, Code.MOVED, Code.UNTRACKED, Code.COPY_MISSING, Code.WRONG_KIND}


def _last_read(workspace: Workspace, copy: CopyRow, shard_ids: Sequence[int], codes: Sequence[Code]) -> LastRead | None:
    """When all of a file was last read on a copy: by its oldest shard, each at the strongest level of that time.

    What is said of a file that is not there rests on a listing, whatever was read beside it.
    """
    reads = []
    for shard_id in shard_ids:
        times = workspace.catalog.shard_times(copy.id, shard_id).at
        levels = [level for level in (Evidence.READ_MEDIUM, Evidence.READ) if level in times]
        if not levels:
            return None
        latest = max(levels, key=lambda level: (times[level], level))
        reads.append((times[latest], latest))
    if not reads:
        return None
    evidence = Evidence.LISTED if _NAMES_ONLY.intersection(codes) else min(level for _, level in reads)
    return LastRead(at=min(at for at, _ in reads), evidence=evidence.label)
