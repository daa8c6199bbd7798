"""What must hold whenever `preserve repair --apply` or `preserve restore` is killed; see `tests.campaigns.killing`."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from preserve.app import audits
from preserve.app.workspace import Workspace
from preserve.catalog.rows import FindingRow
from preserve.progress import Silent
from tests.campaigns.killing_copies import Kept, Tree, tree
from tests.support.workspaces import REPLICAS


@dataclass
class Repairing(Kept):
    """`preserve repair --apply` over damage of every kind on two replicas, found by an audit."""

    name = "repair"
    packages: int = 3
    files: int = 40
    damaged: tuple[tuple[str, str], ...] = (("disk", "box-0"), ("nas", "box-1"), ("disk", "box-2"))

    def change(self, folder: Path) -> None:
        self.whole = {name: tree(folder / name) for name in REPLICAS}
        for replica, package in self.damaged:
            self._damage(folder / replica / package)
        with self.open(folder) as workspace:
            audits.run(workspace, audits.plan(workspace), Silent())

    def _damage(self, copy: Path) -> None:
        files = [path for path in sorted((copy / "data").rglob("*.bin")) if path.stat().st_size > 500]
        held: dict[bytes, Path] = {}
        for path in files:
            held.setdefault(path.read_bytes(), path)
        flip, cut, gone, away, other = list(held.values())[:5]
        content = bytearray(flip.read_bytes())
        content[100] ^= 4
        flip.write_bytes(content)
        cut.write_bytes(cut.read_bytes()[:200])
        gone.unlink()
        away.rename(away.with_name("away.bin"))
        other.write_bytes(f"another content of {copy}".encode())
        (copy / "data" / "stray.txt").write_text(f"never taken in, {copy}", encoding="utf-8")

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "repair", "--apply", "--quarantine-untracked", "--json"]

    def stage(self, folder: Path) -> str:
        with self.open(folder) as workspace:
            left = sum(row.finding.severity.value == "error" for row in workspace.catalog.findings())
            unknown = [entry for entry in _entries(folder) if entry.name not in _recorded(workspace)]
        all_ = 6 * len(self.damaged)
        where = "" if not unknown else ", an entry not recorded"
        return f"{(all_ - left) // 6 * 6} and more of {all_} done{where}"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = self.changed(folder, ("bags", "abroad"))
        for replica in ("nas", "disk"):
            faults += self._replica_faults(folder, replica)
        with self.open(folder) as workspace:
            return [*faults, *self.journal_faults(workspace)]

    def _replica_faults(self, folder: Path, replica: str) -> list[str]:
        """Each file is good or as it was; nothing that was there, good or bad, is gone from the disk."""
        now, before, whole = tree(folder / replica), self.before[replica], self.whole[replica]
        kept = {*_digests(now), *_digests(_set_aside(folder / replica))}
        faults = [
            f"{replica}: {path} is neither good nor as it was"
            for path, content in now.items()
            if content not in (whole.get(path), before.get(path))
        ]
        faults += [f"{replica}: {path} is gone" for path in before if path in whole and path not in now]
        for path, content in before.items():
            if sha256(content).digest() not in kept:
                faults.append(f"{replica}: the bytes of {path} are gone")
        return faults

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = self.faults_when_killed(folder)
        if status != 0:
            faults.append(f"the rerun ended with {status}")
        faults += [f"{name} is not whole" for name in REPLICAS if tree(folder / name) != self.whole[name]]
        with self.open(folder) as workspace:
            faults += [f"left: {row.code} {row.finding.path!r}" for row in _errors(workspace)]
            recorded = _recorded(workspace)
            audit = audits.run(workspace, audits.plan(workspace), Silent())
            if audit.passed != audit.planned:
                faults.append(f"an audit afterwards: {audit}")
            faults += self.integrity_faults(workspace)
        for entry in _entries(folder):
            names = sorted(path.name for path in entry.iterdir())
            if entry.name not in recorded or names != ["content", "entry.json", "manifest-sha256.txt"]:
                faults.append(f"{entry.name} is left with {names}")
        return faults


def _errors(workspace: Workspace) -> list[FindingRow]:
    return [row for row in workspace.catalog.findings() if row.finding.severity.value == "error"]


def _recorded(workspace: Workspace) -> set[str]:
    rows = workspace.catalog.journal_of_kind("file-quarantined")
    return {str(json.loads(row.body)["entry"]) for row in rows}


def _entries(folder: Path) -> list[Path]:
    return [path for name in REPLICAS for path in (folder / name / ".preserve" / "quarantine").glob("*")]


def _set_aside(replica: Path) -> Tree:
    files = (replica / ".preserve" / "quarantine").glob("*/*")
    return {str(path): path.read_bytes() for path in files if path.name in ("content", "aside")}


def _digests(files: Tree) -> list[bytes]:
    return [sha256(content).digest() for content in files.values()]


@dataclass
class Restoring(Kept):
    """`preserve restore` of a package that no copy has whole."""

    name = "restore"
    packages: int = 1
    files: int = 150

    def change(self, folder: Path) -> None:
        for number, replica in enumerate(REPLICAS):
            for path in sorted((folder / replica / "box-0" / "data").rglob("*.bin"))[number :: len(REPLICAS) * 2]:
                path.write_bytes(path.read_bytes() + b"?")

    def arguments(self, folder: Path) -> Sequence[str]:
        to = str(folder / "restored" / "box-0")
        return ["--config", str(folder / "preserve.toml"), "restore", "box-0", "--to", to, "--json"]

    def stage(self, folder: Path) -> str:
        if (folder / "restored" / "box-0").exists():
            return "finished"
        staged = folder / "restored" / ".box-0.preserve-partial"
        if (staged / "bagit.txt").exists():
            return "reading back"
        return "copying" if staged.exists() and any(staged.iterdir()) else "not begun"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = self.changed(folder, ("bags", *REPLICAS))
        target = folder / "restored" / "box-0"
        if target.exists() and tree(target) != tree(folder / "bags" / "box-0"):
            faults.append("what was restored is not whole")
        with self.open(folder) as workspace:
            return [*faults, *self.journal_faults(workspace)]

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = self.faults_when_killed(folder)
        if status not in (0, 2):  # 2: killed after its last step, so that the bag is in its own way
            faults.append(f"the rerun ended with {status}")
        if os.listdir(folder / "restored") != ["box-0"]:
            faults.append(f"in the folder are {os.listdir(folder / 'restored')}")
        with self.open(folder) as workspace:
            return [*faults, *self.integrity_faults(workspace)]
