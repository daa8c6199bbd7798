"""`preserve audit --here`: a disk read by itself, with no settings and no catalog but the backup that lies on it.

Nothing is written on the disk. What its newest backup that holds expects is read by the auditor of all other audits,
over a copy of that backup in a temporary folder. Bags that it does not know are judged by their own manifests.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import config
from checks.canaries import CANARIES
from checks.digesting import Digester
from checks.names import show
from preserve.app import audits
from preserve.app.audit_views import audit_view
from preserve.app.bag_views import validation_view
from preserve.app.reading import NOT_BELIEVED_REMEDY
from preserve.app.replicas import url_of
from preserve.app.workspace import SETTINGS_NAME, Workspace, utc_now
from preserve.audit.planning import Request
from preserve.audit.running import Auditor
from preserve.audit.selftest import self_test
from preserve.bag.validating.validation import Validator
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditState, CopyRow, ReplicaRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.backup_choice import Chosen, candidates, choose
from preserve.repair.found_bags import folders_of_bags
from preserve.stores.identity import IDENTITY_FILE, OURS, Identity, read_identity
from preserve.stores.local import PlainFolder
from preserve.stores.local_replica import LocalReplica
from reports.auditing_here import BackupLine, BagHere, HereView
from reports.rows import AuditView

_NAME = "here"  # where the disk has no name that settings could have
_CATALOG = "catalog.sqlite"


def audit_here(start: bytes, progress: Progress, clock: Callable[[], datetime] = utc_now) -> HereView:
    """Reads the disk that a folder lies on: all that its backup of the catalog expects, and all other bags.

    Raises:
        UsageError: neither this folder nor one above it is a replica's.
        UndeterminedError: the auditor's test of itself failed, or the temporary folder is full.
        UnavailableError: the disk's identity cannot be read.
    """
    root = disk_above(start)
    identity = read_identity(root)
    disk = _Disk(root, identity, clock)
    with tempfile.TemporaryDirectory(prefix="preserve-") as folder, Threads(None) as threads:
        progress.stage("testing the auditor")
        note = disk.test()
        progress.stage("reading backups")
        known = disk.known(os.fsencode(folder))
        audit: AuditView | None = None
        copies: Sequence[CopyRow] = ()
        if known.chosen is not None:
            audit, copies = disk.audited(Path(folder), threads, progress)
        bags = tuple(disk.validated({copy.location for copy in copies}, threads, progress))
        note = disk.test() or note
    return HereView(
        replica=identity.name,
        uuid=identity.uuid,
        where=show(root),
        backup=None if known.chosen is None else _backup_line(known.chosen),
        did_not_hold=tuple(known.did_not_hold),
        audit=audit,
        bags=bags,
        tested_elsewhere=note,
    )


def disk_above(start: bytes) -> bytes:
    """The root of the replica that a folder is, or lies in."""
    folder = os.path.realpath(start)
    while not os.path.lexists(os.path.join(folder, IDENTITY_FILE)):
        if folder == b"/":
            raise UsageError(
                f"{show(os.path.realpath(start))} is on no replica: no {show(IDENTITY_FILE)} in it or above it",
                remedy="Go to the disk's own folder, or name it: preserve audit --here FOLDER",
            )
        folder = os.path.dirname(folder)
    return folder


@dataclass(slots=True)
class _Known:
    """`chosen` is the backup that is believed; `did_not_hold` tells of those that were not, and why."""

    chosen: Chosen | None = None
    did_not_hold: list[str] = field(default_factory=list)


class _Disk:
    """One disk, only read."""

    def __init__(self, root: bytes, identity: Identity, clock: Callable[[], datetime]) -> None:
        self._root = root
        self._identity = identity
        self._clock = clock
        self._store = LocalReplica(root)

    def test(self) -> str:
        """The auditor's test of itself with the canaries on the disk; why it was made elsewhere, or nothing."""
        digester, now = Digester(("sha256",)), self._clock()
        result = self_test(self._store, self._store.canaries(), self._identity.uuid, digester, now, write=False)
        why = ""
        if result.untested:
            bare = all(self._store.canaries().look(canary).missing for canary in CANARIES)
            why = "there are no files for testing on it" if bare else result.why
            with tempfile.TemporaryDirectory(prefix="preserve-") as folder:
                plain = PlainFolder(os.fsencode(folder))
                os.mkdir(os.path.join(plain.root, OURS))
                result = self_test(plain, LocalReplica(plain.root).canaries(), PlainFolder.IDENTITY, digester, now)
        if result.away:
            raise UndeterminedError(f"{show(self._root)} went away: {result.away}")
        if not result.passed:
            raise UndeterminedError(f"the auditor's own test failed: {result.why}", remedy=NOT_BELIEVED_REMEDY)
        return why

    def known(self, folder: bytes) -> _Known:
        """The newest backup that holds and knows this disk, copied to a folder of ours."""
        found = candidates({self._identity.name: self._store})
        known = _Known()
        newest = sorted(found, key=lambda one: one.described.made_at, reverse=True)
        for catalog in dict.fromkeys(one.described.catalog for one in newest):
            of_one = [one for one in found if one.described.catalog == catalog]
            try:
                chosen = choose(of_one, os.path.join(folder, os.fsencode(_CATALOG)), self._identity.name)
            except UsageError as error:
                known.did_not_hold += error.message.splitlines()[1:]
                continue
            known.did_not_hold += chosen.did_not_hold
            with Catalog.open(chosen.snapshot.path) as opened:
                if self._row(opened) is not None:
                    known.chosen = chosen
                    return known
            known.did_not_hold.append(f"{chosen.candidate.shown}: it is of a catalog that does not know this disk")
        return known

    def _row(self, catalog: Catalog) -> ReplicaRow | None:
        rows = catalog.replicas(include_removed=True)
        return next((row for row in rows if str(row.uuid) == self._identity.uuid), None)

    def audited(self, folder: Path, threads: Threads, progress: Progress) -> tuple[AuditView | None, Sequence[CopyRow]]:
        """Reads all copies that the backup expects here."""
        with Workspace(self._settings(folder)) as workspace:
            workspace.clock = self._clock
            catalog = workspace.catalog
            row = self._row(catalog)
            assert row is not None  # `known`
            for audit in catalog.running_audits():  # when the backup was made; their leases would keep shards from us
                catalog.end_audit(audit.id, AuditState.STOPPED, self._clock(), reason="died")
            copies = catalog.copies(replica_ids=[row.id])
            if not copies:
                return None, ()
            opened = audits.planner(workspace).open(Request(replicas=(row.name,)), catalog.packages(None), [row])
            audits.announce(audits.remaining_work(workspace, [opened]), progress)
            auditor = Auditor(catalog, {row.id: self._store}, threads, self._clock, progress=progress)
            view = audit_view(workspace, auditor.run(opened))
        # Its number is of no use to anybody: the catalog that has it is gone in a moment.
        return replace(view, id=None, scope=f"all that the backup expects on {row.name}"), copies

    def _settings(self, folder: Path) -> config.Settings:
        text = f'[catalog]\npath = "{_CATALOG}"\n'
        text = config.with_replica(text, _NAME, url_of(os.fsdecode(self._root)))
        return config.parse(text, folder / SETTINGS_NAME)

    def validated(self, known: set[bytes], threads: Threads, progress: Progress) -> Iterator[BagHere]:
        """The bags of which nobody but they themselves tells what they should hold."""
        for folder in folders_of_bags(self._store):
            if folder in known:
                continue
            progress.stage(f"validating {show(folder)}")
            with_threads = Validator(os.path.join(self._root, folder), threads=threads.count, progress=progress)
            yield BagHere(folder=folder, view=validation_view(folder, with_threads.result()))


def _backup_line(chosen: Chosen) -> BackupLine:
    described = chosen.candidate.described
    return BackupLine(
        file=show(described.name),
        catalog=str(described.catalog),
        made_at=described.made_at,
        number=described.number,
        hash=described.hash.hex(),
    )
