"""What is done when the power is cut, and what must hold of whatever is found afterwards.

A workload is a command in a folder and its judge. To add one: a class with `name`, `prepare`, `arguments` and `judge`
(`powercut_work`), and a line in `WORKLOADS`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import config
from checks.evidence import Outcome
from preserve.app.workspace import Workspace
from preserve.bag.validating.validation import validate
from preserve.errors import PreserveError
from preserve.stores.canaries import ensure
from tests.campaigns.killing_copies import tree
from tests.campaigns.powercut_backups import Backup
from tests.campaigns.powercut_remembered import remember
from tests.campaigns.powercut_repairs import Repair
from tests.campaigns.powercut_work import Files, Workload, collection
from tests.support.bags import make_bag
from tests.support.workspaces import REPLICAS, keep


def _read(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _bags(folder: Path) -> Iterator[Path]:
    """Every folder that has the look of a bag, staging folders too (but not the source's own `sub`)."""
    return (path.parent for path in folder.rglob("bagit.txt") if path.parent.name != "sub")


def _faults_of_bag(bag: Path, payload: Files) -> Iterator[str]:
    found = validate(os.fsencode(bag)).findings
    for finding in (each for each in found if each.outcome is not Outcome.PASS):  # a warning makes no bag invalid
        yield f"{bag.name} looks like a bag: {finding.code} {finding.path!r}"
    if _read(bag / "data") != payload:
        yield f"{bag.name} looks like a bag, and its payload is not the source"


class BagCopy(Workload):
    """`preserve bag --to`, into a folder that is not there yet."""

    name = "copy"

    def prepare(self, folder: Path) -> None:
        self._files = collection(folder / "source", 1)

    def arguments(self, folder: Path) -> Sequence[str]:
        to = str(folder / "made" / "bag")
        return ["bag", str(folder / "source"), "--to", to, "--premis", "summary", "--json"]

    def judge(self, folder: Path, finished: bool) -> list[str]:
        faults = [] if _read(folder / "source") == self._files else ["the source was changed"]
        for bag in _bags(folder):
            faults += _faults_of_bag(bag, self._files)
        if finished and not (folder / "made" / "bag" / "bagit.txt").is_file():
            faults.append("it had ended, and there is no bag")
        if finished and (folder / "made" / ".bag.preserve-partial").exists():
            faults.append("it had ended, and its work folder is there")
        return faults

    def before_rerun(self, folder: Path) -> None:
        made, work = folder / "made" / "bag", folder / "made" / ".bag.preserve-partial"
        remember(work / "read.log", [folder / "source"])
        remember(work / "read-back.log", [work / "bag" / "data", made / "data"])
        marker = work / "whole"
        if marker.is_file():  # it holds the bag's inode
            marker.write_text(
                str(next(bag for bag in (work / "bag", made, work) if bag.exists()).stat().st_ino), "ascii"
            )


class BagInPlace(Workload):
    """`preserve bag --in-place`."""

    name = "in-place"

    def prepare(self, folder: Path) -> None:
        self._files = collection(folder / "source", 2)

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["bag", str(folder / "source"), "--in-place", "--premis", "summary", "--json"]

    def judge(self, folder: Path, finished: bool) -> list[str]:
        source = folder / "source"
        found = list(_read(source).values())
        faults = [
            f"{name} is there {found.count(content)} times"
            for name, content in self._files.items()
            if found.count(content) != 1
        ]
        for bag in _bags(folder):
            faults += _faults_of_bag(bag, self._files)
        if finished and not (source / "bagit.txt").is_file():
            faults.append("it had ended, and there is no bag")
        if finished and (source / ".preserve-bagging").exists():
            faults.append("it had ended, and its work folder is there")
        return faults

    def before_rerun(self, folder: Path) -> None:
        source = folder / "source"
        work = source / ".preserve-bagging"
        # Its own `data/` may stand in the source as well: what was moved is looked for first where it is moved to.
        remember(work / "read.log", [work / "data", source / "data", source])


class Replicate(Workload):
    """`preserve replicate` of packages to two replicas that hold nothing; a third holds them."""

    name = "replicate"
    ends = (0,)
    targets = ("disk", "abroad")

    def __init__(self, packages: Sequence[str] = ("box-0", "box-1"), *, used: bool = False) -> None:
        """`used`: the replicas were tested before, and hold canaries: then nothing is flushed before a copy is."""
        self.packages = packages
        self._used = used

    def prepare(self, folder: Path) -> None:
        for seed, package in enumerate(self.packages):
            collection(folder / "sources" / package, 10 + seed)
            make_bag(folder / "sources" / package, folder / "bags" / package)
        keep(folder, [folder / "bags" / package for package in self.packages], placed=("nas",))
        for replica in REPLICAS if self._used else ():
            ensure(os.fsencode(folder / replica), datetime.now(UTC))
        self._bags = {package: tree(folder / "bags" / package) for package in self.packages}
        self._nas = tree(folder / "nas")
        with self._open(folder) as workspace:
            self._acknowledged = workspace.catalog.head()[0]

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "replicate", "--json"]

    def _open(self, folder: Path) -> Workspace:
        return Workspace(config.load(folder / "preserve.toml"))

    def judge(self, folder: Path, finished: bool) -> list[str]:
        faults = [
            f"{target}/{copy.name} looks like a copy and is not whole"
            for target in self.targets
            for copy in (folder / target).iterdir()
            if copy.name != ".preserve" and tree(copy) != self._bags.get(copy.name)
        ]
        faults += [
            f"the bag {name} was changed" for name in self._bags if tree(folder / "bags" / name) != self._bags[name]
        ]
        faults += [] if tree(folder / "nas") == self._nas else ["a copy that was there before was changed"]
        try:
            return faults + list(self._faults_of_catalog(folder, finished))
        except PreserveError as error:
            return [*faults, f"the catalog cannot be read: {error.message}"]

    def _faults_of_catalog(self, folder: Path, finished: bool) -> Iterator[str]:
        with self._open(folder) as workspace:
            if (broken := workspace.catalog.verify_journal()) is not None:
                yield f"the journal is broken at {broken}"
            if workspace.catalog.head()[0] < self._acknowledged:
                yield "the journal lost what it had before"
            copies = workspace.catalog.copies()
        for copy in copies:
            if tree(folder / copy.replica / os.fsdecode(copy.location)) != self._bags[copy.package]:
                yield f"{copy.package} at {copy.replica} is recorded and is not whole"
        if finished and len(copies) != len(self.packages) * len(REPLICAS):
            yield f"it had ended, and {len(copies)} copies are recorded"


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "copy": BagCopy,
    "in-place": BagInPlace,
    "replicate": Replicate,
    "repair": Repair,
    "repair-by-renames": partial(Repair, exchanges=False),
    "backup": Backup,
}
