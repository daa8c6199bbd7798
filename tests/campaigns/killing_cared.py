"""What the scenarios around the catalog itself have in common; see `tests.campaigns.killing_catalog`."""

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from preserve.app import audits
from preserve.app.workspace import Workspace
from preserve.catalog.backing import BESIDE, verified
from preserve.errors import CatalogError
from preserve.progress import Silent
from preserve.stores.backups import Backups, Described, catalogs_on
from tests.campaigns.killing_copies import Kept
from tests.support.workspaces import REPLICAS

CATALOG = "catalog.sqlite"


@dataclass
class Cared(Kept):
    """A workspace whose catalog is at stake. One file of one copy is damaged, and an audit has found it."""

    packages: int = 2
    damaged: tuple[str, str] = ("disk", "box-0")

    def change(self, folder: Path) -> None:
        for name in ("sources", "older", "older-sources"):
            shutil.rmtree(folder / name)  # of no use here, and each trial would copy them
        files = (folder.joinpath(*self.damaged) / "data").rglob("*.bin")
        file = next(path for path in sorted(files) if path.stat().st_size > 99)
        file.write_bytes(file.read_bytes()[:50])
        with self.open(folder) as workspace:
            audits.run(workspace, audits.plan(workspace), Silent())
            self.settle(folder, workspace)
            self.links = [(link.number, link.hash) for link in workspace.catalog.journal()]
            self.state = state_of(workspace)

    def settle(self, folder: Path, workspace: Workspace) -> None:
        """What is still done to the catalog before it is used."""

    def prepare(self, folder: Path, rng: random.Random) -> None:
        super().prepare(folder, rng)
        self.recorded = len(self.links)

    def catalog_faults(self, workspace: Workspace) -> list[str]:
        """The chain holds, is not shorter than it was seen, and begins with what was there before the command."""
        journal = [(link.number, link.hash) for link in workspace.catalog.journal()]
        kept = journal[: len(self.links)] == self.links
        return [*self.journal_faults(workspace), *([] if kept else ["the journal is not the old one, continued"])]

    def end_faults(self, folder: Path, status: int, expected: Sequence[int]) -> list[str]:
        """What no command may leave behind: another exit status, something staged, a catalog that does not hold."""
        faults = [] if status in expected else [f"the rerun ended with {status}"]
        faults += [f"{path.relative_to(folder)} is left" for path in left_over(folder)]
        with self.open(folder) as workspace:
            return [*faults, *self.integrity_faults(workspace)]


def state_of(workspace: Workspace) -> dict[str, set[object]]:
    """What the catalog says of packages and copies, and what was found on them."""
    catalog = workspace.catalog
    return {
        "packages": {(row.identifier, row.version, row.root, row.verdict) for row in catalog.packages()},
        "copies": {(row.package, row.replica, row.location, row.version, row.damage) for row in catalog.copies()},
        "findings": {(row.package, row.replica, row.finding.path, row.code) for row in catalog.findings()},
    }


def left_over(folder: Path) -> Iterator[Path]:
    """Everything of ours that is no result: staged files, locks, halves of backups."""
    yield from (path for path in folder.iterdir() if path.name.startswith(".") or path.name.endswith(".partial"))
    for replica in (folder / name for name in REPLICAS):
        for place in ("staging", "removed"):
            yield from (replica / ".preserve" / place).glob("*")
        for path in (replica / ".preserve" / "catalog").glob("*/*"):
            if path.name.startswith(".") or not all(path.with_suffix(end).exists() for end in (".json", ".sqlite")):
                yield path


def backups_on(folder: Path) -> Iterator[tuple[str, Path, Described]]:
    """(replica, file, description) of each backup that has a description."""
    for name in REPLICAS:
        root = folder / name
        for uuid in catalogs_on(os.fsencode(root)):
            for backup in Backups(os.fsencode(root), uuid).kept():
                yield name, root / ".preserve" / "catalog" / str(uuid) / os.fsdecode(backup.name), backup


def faulty_backups(folder: Path) -> list[str]:
    """What has a description is a whole catalog, and the one that is described."""
    faults = []
    for replica, path, said in backups_on(folder):
        try:
            found = verified(os.fsencode(path))
        except CatalogError as error:
            faults.append(f"{replica}: {error.message}")
            continue
        if (found.catalog, found.number, found.hash, found.sha256, found.revision) != (
            *(said.catalog, said.number, said.hash, said.sha256, said.revision),
        ):
            faults.append(f"{replica}: {path.name} is not what its description says")
    return faults


@contextmanager
def copy_of(database: Path) -> Iterator[Path]:
    """A copy of a database with its log: whoever opens the original goes on with what was killed, or brings it up."""
    with TemporaryDirectory(prefix="preserve-judged-") as folder:
        for ending in ("", *(os.fsdecode(each) for each in BESIDE)):
            beside = database.with_name(database.name + ending)
            if beside.exists():
                shutil.copyfile(beside, Path(folder) / beside.name)
        yield Path(folder) / database.name


def answer(database: Path, query: str) -> object:
    """The one value that a database answers with, as it was left; None if it cannot say."""
    with copy_of(database) as copied, closing(sqlite3.connect(copied)) as connection:
        try:
            row = connection.execute(query).fetchone()
        except sqlite3.Error:
            return None
    return None if row is None else row[0]
