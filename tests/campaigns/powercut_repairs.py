"""Power cuts in `preserve repair --apply`: no byte that was there is gone, and nothing is called good that is not."""

import json
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import config
from checks.names import path_from_fields
from preserve.app import audits
from preserve.app.workspace import Workspace
from preserve.errors import PreserveError
from preserve.progress import Silent
from tests.campaigns.killing_copies import tree
from tests.campaigns.powercut_work import Workload, collection
from tests.support.bags import make_bag
from tests.support.workspaces import keep

_STRAY = "data/stray.txt"
_SAID = {"entry.json"}
_ENTRY = {"content", "manifest-sha256.txt"} | _SAID


class Repair(Workload):
    """`preserve repair --apply --quarantine-untracked` over every kind of damage on one copy; another is whole."""

    ends = (0,)

    def __init__(self, *, exchanges: bool = True) -> None:
        self.name = "repair" if exchanges else "repair-by-renames"
        self.variants = () if exchanges else ("no-exchange",)
        self._exchanges = exchanges

    def prepare(self, folder: Path) -> None:
        collection(folder / "sources" / "box-0", 20)
        make_bag(folder / "sources" / "box-0", folder / "bags" / "box-0")
        keep(folder, [folder / "bags" / "box-0"], placed=("nas", "disk"))
        copy = folder / "disk" / "box-0"
        self._whole = tree(copy)
        self._apart = {name: tree(folder / name) for name in ("nas", "bags")}
        _damage(copy / "data")
        self._before = tree(copy)
        with self._open(folder) as workspace:
            audits.run(workspace, audits.plan(workspace), Silent())
            self._found = {row.finding.path: row.code for row in workspace.catalog.findings()}
            self._acknowledged = workspace.catalog.head()[0]
        damaged = {path for path in {*self._whole, *self._before} if self._whole.get(path) != self._before.get(path)}
        said = {os.fsdecode(path or b"") for path in self._found}
        assert damaged - said == {"data/kept/away.bin"} and said <= damaged, (damaged, said)

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "repair", "--apply", "--quarantine-untracked", "--json"]

    def _open(self, folder: Path) -> Workspace:
        return Workspace(config.load(folder / "preserve.toml"))

    def judge(self, folder: Path, finished: bool) -> list[str]:
        now = tree(folder / "disk" / "box-0")
        faults = [f"{name} was changed" for name, was in self._apart.items() if tree(folder / name) != was]
        faults += self._faults_of_files(folder, now)
        if finished and now != self._whole:
            faults.append(f"it had ended, and not all is good: {self._differing(now)}")
        try:
            with self._open(folder) as workspace:
                return [*faults, *self._faults_of_catalog(workspace, folder, now, finished)]
        except PreserveError as error:
            return [*faults, f"the catalog cannot be read: {error.message}"]

    def _differing(self, now: dict[str, bytes]) -> list[str]:
        return sorted(path for path in {*now, *self._whole} if now.get(path) != self._whole.get(path))

    def _faults_of_files(self, folder: Path, now: dict[str, bytes]) -> Iterator[str]:
        """Each file is as it was, or good; and every content that was there before is there."""
        aside = _set_aside(folder, ("aside",))
        for path in {*now, *self._whole, *self._before}:
            content, was, good = now.get(path), self._before.get(path), self._whole.get(path)
            if content in (was, good):
                continue
            if content is None and not self._exchanges and was in aside:
                continue  # for a moment it has no name but this one
            yield f"{path} is neither good nor as it was" if content is not None else f"{path} is gone"
        kept = {*now.values(), *_set_aside(folder, ("content", "aside"))}
        for path, content in self._before.items():
            if content not in kept:
                yield f"the bytes of {path} are gone"

    def _faults_of_catalog(
        self, workspace: Workspace, folder: Path, now: dict[str, bytes], finished: bool
    ) -> Iterator[str]:
        catalog = workspace.catalog
        if (broken := catalog.verify_journal()) is not None:
            yield f"the journal is broken at {broken}"
        if catalog.head()[0] < self._acknowledged:
            yield "the journal lost what it had before"
        left = {row.finding.path: row.code for row in catalog.findings()}
        for path, code in self._found.items():
            name = os.fsdecode(path or b"")
            if path not in left and now.get(name) != self._whole.get(name):
                yield f"false green: {code} of {name} is closed, and on the disk it is not good"
        for row in catalog.journal_of_kind("file-repaired"):
            name = os.fsdecode(path_from_fields(json.loads(row.body)) or b"")
            if now.get(name) != self._whole[name]:
                yield f"false green: {name} is recorded as repaired, and on the disk it is not good"
        for row in catalog.journal_of_kind("file-quarantined"):
            yield from _faults_of_entry(folder, json.loads(row.body))
        if finished and left:
            yield f"it had ended, and findings are open: {left}"
        if finished:
            recorded = {str(json.loads(row.body)["entry"]) for row in catalog.journal_of_kind("file-quarantined")}
            # One that holds nothing may come back: a killed run had taken it away. The next repair does so again.
            there = {entry.name for entry in _entries(folder) if {path.name for path in entry.iterdir()} - _SAID}
            if recorded != there:
                yield f"it had ended, and entries are not what is recorded: {sorted(recorded ^ there)}"

    def judge_rerun(self, folder: Path) -> list[str]:
        faults = self.judge(folder, True)
        faults += [
            f"{entry.name} is left" for entry in _entries(folder) if _ENTRY - {path.name for path in entry.iterdir()}
        ]
        with self._open(folder) as workspace:
            faults += [f"the catalog's check: {fault}" for fault in workspace.catalog.check()]
            audit = audits.run(workspace, audits.plan(workspace), Silent())
            if audit.passed != audit.planned or list(workspace.catalog.findings()):
                faults.append(f"an audit afterwards: {audit}")
        return faults


def _damage(data: Path) -> None:
    """Flips a bit, cuts, removes with its folder, moves, exchanges for another content, and adds what is none of it."""
    flipped = bytearray((data / "sub" / "x").read_bytes())
    flipped[700] ^= 4
    (data / "sub" / "x").write_bytes(flipped)
    (data / "page.tif").write_bytes((data / "page.tif").read_bytes()[:200])
    (data / "ខ្មែរ" / "ឯកសារ.txt").unlink()
    (data / "ខ្មែរ").rmdir()
    (data / "kept").mkdir()
    (data / "read.log").rename(data / "kept" / "away.bin")
    (data / "manifest-sha256.txt").write_bytes(b"another content")
    (data.parent / _STRAY).write_bytes(b"never taken in")


def _entries(folder: Path) -> list[Path]:
    return list((folder / "disk" / ".preserve" / "quarantine").glob("*"))


def _set_aside(folder: Path, names: Sequence[str]) -> set[bytes]:
    files = [entry / name for entry in _entries(folder) for name in names]
    return {path.read_bytes() for path in files if path.is_file()}


def _faults_of_entry(folder: Path, body: dict[str, str]) -> Iterator[str]:
    """What is recorded as set aside is there, and anybody can check it."""
    entry = folder / "disk" / ".preserve" / "quarantine" / body["entry"]
    names = {path.name for path in entry.iterdir()} if entry.is_dir() else set()
    if names != _ENTRY:
        yield f"{entry.name} is recorded, and has {sorted(names)}"
        return
    if sha256((entry / "content").read_bytes()).hexdigest() != body["sha256"]:
        yield f"{entry.name} is recorded, and its content is another"
    if (entry / "manifest-sha256.txt").read_text("ascii") != f"{body['sha256']}  content\n":
        yield f"{entry.name} is recorded, and its manifest is not of its content"
    try:
        said = json.loads((entry / "entry.json").read_text("utf-8"))
    except ValueError:
        yield f"{entry.name} is recorded, and its description is torn"
        return
    if path_from_fields(said["file"]) != path_from_fields(dict(body)):
        yield f"{entry.name} is recorded, and says that it is of another file"
