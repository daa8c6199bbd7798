"""What must hold whenever `preserve replicate` or `preserve audit` is killed; see `tests.campaigns.killing`."""

import atexit
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import config
from preserve.app.workspace import Workspace
from preserve.catalog.rows import AuditState
from tests.support.workspaces import REPLICAS, make_workspace

Tree = dict[str, bytes]


def tree(folder: Path) -> Tree:
    """Every file below a folder, ours in `.preserve` left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".preserve" not in path.relative_to(folder).parts
    }


def _until_the_end() -> Path:
    """A temporary folder that goes when this program ends; its forked children, which do not tidy, leave it alone."""
    folder = Path(mkdtemp(prefix="preserve-kept-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass
class Kept:
    """A workspace that is made once and copied for each trial."""

    template: Path = field(default_factory=_until_the_end)
    packages: int = 8
    files: int = 40
    placed: tuple[str, ...] = REPLICAS
    recorded: int = 0  # rows of the journal that were seen: what was acknowledged

    def _template(self) -> Path:
        if not (self.template / "made").exists():
            make_workspace(self.template, seed=3, packages=self.packages, files=self.files, placed=self.placed)
            self.change(self.template)
            (self.template / "made").touch()
        return self.template

    def change(self, folder: Path) -> None:
        """What is done to the workspace before it is used."""

    def prepare(self, folder: Path, rng: random.Random) -> None:
        template = self._template()
        shutil.copytree(template, folder, dirs_exist_ok=True, symlinks=True)
        settings = folder / "preserve.toml"
        settings.write_text(settings.read_text("utf-8").replace(str(template), str(folder)), encoding="utf-8")
        self.before = {name: tree(folder / name) for name in ("bags", *REPLICAS)}
        self.recorded = 0

    def open(self, folder: Path) -> Workspace:
        return Workspace(config.load(folder / "preserve.toml"))

    def journal_faults(self, workspace: Workspace) -> list[str]:
        """The chain holds, and it never became shorter: nothing that was acknowledged is gone."""
        faults = []
        if (broken := workspace.catalog.verify_journal()) is not None:
            faults.append(f"the journal is broken at {broken}")
        number, _ = workspace.catalog.head()
        if number < self.recorded:
            faults.append(f"the journal lost its end: {number} after {self.recorded}")
        self.recorded = number
        return faults

    def integrity_faults(self, workspace: Workspace) -> list[str]:
        """What the catalog holds against itself: nothing, whatever was killed."""
        return [f"catalog check: {fault}" for fault in workspace.catalog.check()]

    def changed(self, folder: Path, names: Sequence[str]) -> list[str]:
        return [f"{name} was changed" for name in names if tree(folder / name) != self.before[name]]


@dataclass
class Replicating(Kept):
    """`preserve replicate` to two replicas that hold nothing yet."""

    name = "replicate"

    placed: tuple[str, ...] = ("nas",)

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "replicate", "--json"]

    def stage(self, folder: Path) -> str:
        with self.open(folder) as workspace:
            recorded = {(copy.replica, copy.package) for copy in workspace.catalog.copies()}
        standing = {(name, bag.name) for name in ("disk", "abroad") for bag in (folder / name).glob("box-*")}
        if standing - recorded:
            return "renamed, not recorded yet"
        staged = [path for name in ("disk", "abroad") for path in (folder / name).glob(".preserve/staging/*-v1")]
        if any((path / "bagit.txt").exists() for path in staged):
            return "reading back"
        return "copying" if staged else "between copies" if standing else "not begun"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = self.changed(folder, ("bags", "nas"))
        with self.open(folder) as workspace:
            faults += self.journal_faults(workspace)
            for copy in workspace.catalog.copies():
                there = tree(folder / copy.replica / os.fsdecode(copy.location))
                if there != tree(folder / "bags" / copy.package):
                    faults.append(f"{copy.package} at {copy.replica} is recorded and is not whole")
        for name in ("disk", "abroad"):
            faults += [
                f"{name}/{bag.name} looks like a copy and is not whole"
                for bag in (folder / name).iterdir()
                if bag.name != ".preserve" and tree(bag) != tree(folder / "bags" / bag.name)
            ]
        return faults

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = self.faults_when_killed(folder)
        if status != 0:
            faults.append(f"the rerun ended with {status}")
        with self.open(folder) as workspace:
            if len(workspace.catalog.copies()) != self.packages * len(REPLICAS):
                faults.append("not every copy is recorded")
            faults += self.integrity_faults(workspace)
        left = [path for name in REPLICAS for path in (folder / name).glob(".preserve/staging/*")]
        return [*faults, *(f"{path.name} is left in the staging" for path in left)]


@dataclass
class Auditing(Kept):
    """`preserve audit` over three replicas with one damaged file; killed, `--resume` goes on."""

    name = "audit"
    files: int = 150

    def change(self, folder: Path) -> None:
        self.damaged = next(
            path for path in sorted((folder / "disk" / "box-0" / "data").rglob("*.bin")) if path.stat().st_size > 99
        )
        content = bytearray(self.damaged.read_bytes())
        content[50] ^= 1
        self.damaged.write_bytes(content)

    def arguments(self, folder: Path) -> Sequence[str]:
        with self.open(folder) as workspace:
            open_ = [audit.id for audit in workspace.catalog.audits(1) if audit.state is not AuditState.ENDED]
        resume = ["--resume", str(open_[0])] if open_ else []
        return ["--config", str(folder / "preserve.toml"), "audit", *resume, "--json"]

    def stage(self, folder: Path) -> str:
        with self.open(folder) as workspace:
            audits = workspace.catalog.audits(1)
        if not audits:
            return "not begun"
        part = audits[0].done / audits[0].planned
        if audits[0].state is AuditState.ENDED:
            return "ended"
        return "opened" if part == 0 else f"{int(part * 4) * 25} % and more" if part < 1 else "all read"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = self.changed(folder, ("bags", *REPLICAS))
        with self.open(folder) as workspace:
            return [*faults, *self.journal_faults(workspace)]

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = self.faults_when_killed(folder)
        if status != 1:
            faults.append(f"the rerun ended with {status}")
        with self.open(folder) as workspace:
            faults += self.integrity_faults(workspace)
            audits = workspace.catalog.audits()  # two, if the first had ended just before it was killed
            found = [(row.replica, row.package, row.finding.path) for row in workspace.catalog.findings()]
            for audit in audits:
                counted = sum(line.done for line in workspace.catalog.audit_checks(audit.id))
                if audit.state is not AuditState.ENDED or not counted == audit.done == audit.planned:
                    faults.append(f"it did not come to its end, or counted a shard twice: {audit}")
                if (audit.passed, audit.failed) != (self.packages * len(REPLICAS) - 1, 1):
                    faults.append(f"{audit.passed} passed, {audit.failed} failed")
        if len(found) != 1 or found[0][:2] != ("disk", "box-0"):
            faults.append(f"found {found}")
        return faults
