"""Power cuts in `preserve catalog backup`: what is described is whole, and there are never too few of them."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import config
from preserve.app.catalog_care import back_up
from preserve.app.holdings import take_in
from preserve.app.replicas import add_replica
from preserve.app.workspace import Workspace, init
from preserve.catalog.backing import verified
from preserve.errors import CatalogError, PreserveError
from preserve.progress import Silent
from preserve.stores.backups import Backups, Described
from tests.campaigns.powercut_work import Workload, collection
from tests.support.bags import make_bag

_REPLICAS = ("nas", "disk")
_KEEP = 2


class Backup(Workload):
    """`preserve catalog backup` to two replicas that have as many backups as are kept: the oldest must go."""

    name = "backup"
    ends = (0,)

    def prepare(self, folder: Path) -> None:
        collection(folder / "sources" / "box-0", 30)
        make_bag(folder / "sources" / "box-0", folder / "bags" / "box-0")
        init(folder)
        settings = folder / "preserve.toml"
        text = settings.read_text("utf-8").replace("keep_backups = 5", f"keep_backups = {_KEEP}")
        settings.write_text(text, "utf-8")
        for replica in _REPLICAS:
            (folder / replica).mkdir()
            with self._open(folder) as workspace:
                add_replica(workspace, replica, str(folder / replica), medium=None, site=None, offline=False)
        with self._open(folder) as workspace:
            now = datetime.now(UTC)
            for days in (2, 1):
                workspace.clock = _stopped(now - timedelta(days=days))
                assert all(line.name and not line.problem for line in back_up(workspace).lines)
            workspace.clock = lambda: now
            assert all(taken.package for taken in take_in(workspace, [folder / "bags" / "box-0"], Silent()))
            self._acknowledged = workspace.catalog.head()[0]
            self._catalog = workspace.catalog.uuid()

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "catalog", "backup", "--json"]

    def _open(self, folder: Path) -> Workspace:
        return Workspace(config.load(folder / "preserve.toml"))

    def judge(self, folder: Path, finished: bool) -> list[str]:
        kept = {name: Backups(os.fsencode(folder / name), self._catalog).kept() for name in _REPLICAS}
        faults = [fault for name, backups in kept.items() for fault in self._faults_of_backups(folder / name, backups)]
        try:
            with self._open(folder) as workspace:
                return [*faults, *self._faults_of_catalog(workspace, kept, finished)]
        except PreserveError as error:
            return [*faults, f"the catalog cannot be read: {error.message}"]

    def _where(self, replica: Path) -> Path:
        return replica / ".preserve" / "catalog" / str(self._catalog)

    def _faults_of_backups(self, replica: Path, kept: Sequence[Described]) -> Iterator[str]:
        whole = 0
        for one in kept:
            fault = _fault_of(self._where(replica) / os.fsdecode(one.name), one)
            whole += not fault
            if fault:
                yield f"{replica.name}: {one.name.decode()} is described, and {fault}"
        if whole < _KEEP:
            yield f"{replica.name}: only {whole} whole backups"

    def _faults_of_catalog(
        self, workspace: Workspace, kept: dict[str, list[Described]], finished: bool
    ) -> Iterator[str]:
        if (broken := workspace.catalog.verify_journal()) is not None:
            yield f"the journal is broken at {broken}"
        if workspace.catalog.head()[0] < self._acknowledged:
            yield "the journal lost what it had before"
        names = {str(replica.uuid): replica.name for replica in workspace.catalog.replicas()}
        said: dict[str, list[str]] = {name: [] for name in _REPLICAS}
        for row in workspace.catalog.journal_of_kind("catalog-backed-up"):
            body = json.loads(row.body)
            said[names[body["replica"]]].append(body["file"])
        for name, files in said.items():
            there = [one.name.decode() for one in kept[name]]
            yield from (f"{name}: {file} is recorded, and not there" for file in files[-_KEEP:] if file not in there)
            if finished and (len(there) != _KEEP or kept[name][0].number < self._acknowledged):
                yield f"{name}: it had ended, and there are {there}"

    def judge_rerun(self, folder: Path) -> list[str]:
        faults = self.judge(folder, True)
        with self._open(folder) as workspace:
            faults += [f"the catalog's check: {fault}" for fault in workspace.catalog.check()]
        for name in _REPLICAS:
            left = [path.name for path in self._where(folder / name).iterdir()]
            if len(left) != 2 * _KEEP:
                faults.append(f"{name}: left are {sorted(left)}")
        return faults


def _stopped(at: datetime) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: at


def _fault_of(path: Path, described: Described) -> str:
    """Why a backup is not what its description says; empty if it is."""
    try:
        if sha256(path.read_bytes()).digest() != described.sha256:
            return "has another content"
        found = verified(os.fsencode(path))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except CatalogError as error:
        return error.message
    same = (found.number, found.hash) == (described.number, described.hash)
    return "" if same else "its journal has another head"
