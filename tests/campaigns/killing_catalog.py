"""What must hold whenever `remove --delete-copies`, `catalog backup`, `catalog rebuild` or a migration is killed.

See `tests.campaigns.killing`.
"""

import io
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from preserve.app import audits
from preserve.app.catalog_care import back_up
from preserve.app.holdings import replicate, take_in
from preserve.app.premis_export import prepare_export
from preserve.app.workspace import Workspace
from preserve.catalog.backing import verified
from preserve.catalog.opening import REVISIONS
from preserve.progress import Silent
from tests.campaigns.killing_cared import (
    CATALOG,
    Cared,
    answer,
    backups_on,
    copy_of,
    faulty_backups,
    left_over,
    state_of,
)
from tests.campaigns.killing_copies import tree
from tests.support.bags import make_bag
from tests.support.old_catalogs import made_old
from tests.support.workspaces import REPLICAS, make_collection


@dataclass
class Removing(Cared):
    """`preserve remove PACKAGE --delete-copies --confirm ID`."""

    name = "remove"
    files: int = 250

    def arguments(self, folder: Path) -> Sequence[str]:
        confirmed = ["--reason", "given back", "--delete-copies", "--confirm", "box-0", "--json"]
        return ["--config", str(folder / "preserve.toml"), "remove", "box-0", *confirmed]

    def stage(self, folder: Path) -> str:
        with self.open(folder) as workspace:
            if workspace.catalog.package_named("box-0") is not None:
                return "not begun"
            deleted = len(self._deleted(workspace))
        apart = any(path.is_dir() for name in REPLICAS for path in (folder / name / ".preserve" / "removed").glob("*"))
        standing = sum((folder / name / "box-0").exists() for name in REPLICAS)
        where = ", one half deleted" if apart else ", one not recorded" if standing + deleted < len(REPLICAS) else ""
        return f"{deleted} of {len(REPLICAS)} copies deleted{where}"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = self.changed(folder, ("bags",))
        with self.open(folder) as workspace:
            faults += self.catalog_faults(workspace)
            removed, deleted = workspace.catalog.package_named("box-0") is None, self._deleted(workspace)
        for name in REPLICAS:
            now, apart = tree(folder / name), list((folder / name / ".preserve" / "removed").glob("*"))
            others = {path: content for path, content in self.before[name].items() if not path.startswith("box-0/")}
            gone = now == others and not (folder / name / "box-0").exists()
            if not gone and now != self.before[name]:
                faults.append(f"{name}: a half copy, or something else was changed")
            if gone and not removed:
                faults.append(f"{name}: the copy is gone, and the package is not removed")
            if name in deleted and (not gone or apart):
                faults.append(f"{name}: recorded as deleted, and something of it is there")
            if apart and not gone:
                faults.append(f"{name}: {apart} beside the copy in its place")
        return faults

    def _deleted(self, workspace: Workspace) -> list[str]:
        """The replicas whose copies are recorded as deleted."""
        package = workspace.catalog.package_named("box-0", include_removed=True)
        assert package is not None
        left = {copy.replica for copy in workspace.catalog.copies_left(package.id)}
        return [] if package.removed_at is None else sorted(set(REPLICAS) - left)

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = [*self.faults_when_killed(folder), *self.end_faults(folder, status, (0,))]
        with self.open(folder) as workspace:
            package = workspace.catalog.package_named("box-0", include_removed=True)
            assert package is not None
            written = io.BytesIO()
            prepare_export(workspace, "box-0").write(written)
            links = len(list(workspace.catalog.journal_of(package.id, "copy-deleted")))
            shown = [row.identifier for row in workspace.catalog.packages()]
            if self._deleted(workspace) != sorted(REPLICAS) or links != len(REPLICAS) or shown != ["box-1"]:
                faults.append(f"deleted: {self._deleted(workspace)}, recorded {links} times; shown: {shown}")
        if b"box-0" not in written.getvalue() or not written.getvalue().rstrip().endswith(b">"):
            faults.append("the history was not exported")
        return faults


@dataclass
class BackingUp(Cared):
    """`preserve catalog backup` where each replica holds as many backups as it is to keep."""

    name = "backup"
    packages: int = 4
    files: int = 60
    keep: int = 2

    def settle(self, folder: Path, workspace: Workspace) -> None:
        settings = folder / "preserve.toml"
        settings.write_text(settings.read_text("utf-8").replace("keep_backups = 5", f"keep_backups = {self.keep}"))
        for _ in range(self.keep):
            assert all(line.name for line in back_up(workspace).lines)
        self.older = {path.name for _, path, _ in backups_on(folder)}

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "catalog", "backup", "--json"]

    def stage(self, folder: Path) -> str:
        placed = {replica for replica, path, _ in backups_on(folder) if path.name not in self.older}
        where = ", one staged" if any(path.suffix == ".partial" for path in left_over(folder)) else ""
        if not placed and not where:
            return "a snapshot beside the catalog" if (folder / f".{CATALOG}.backup").exists() else "not begun"
        return f"{len(placed)} of {len(REPLICAS)} placed{where}"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = [*self.changed(folder, ("bags", *REPLICAS)), *faulty_backups(folder)]
        for name in REPLICAS:
            if sum(replica == name for replica, _, _ in backups_on(folder)) < self.keep:
                faults.append(f"{name}: an older backup went before a newer one stood")
        with self.open(folder) as workspace:
            return [*faults, *self.catalog_faults(workspace)]

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = [*self.faults_when_killed(folder), *self.end_faults(folder, status, (0,))]
        for name in REPLICAS:
            names = {path.name for replica, path, _ in backups_on(folder) if replica == name}
            if len(names) != self.keep or not names - self.older:
                faults.append(f"{name}: its backups are {sorted(names)}")
        return faults


@dataclass
class Rebuilding(Cared):
    """`preserve catalog rebuild` of a lost catalog. What was taken in after the last backup is only on the replicas.

    Without backups the settings are lost, too.
    """

    without_backups: bool = False

    @property
    def name(self) -> str:
        return "rebuild without backups" if self.without_backups else "rebuild"

    def settle(self, folder: Path, workspace: Workspace) -> None:
        assert all(line.name for line in back_up(workspace).lines)
        self.saved = min(backup.number for _, _, backup in backups_on(folder))
        make_collection(folder / "later", random.Random(4), self.files)
        make_bag(folder / "later", folder / "bags" / "box-later")
        assert all(each.package for each in take_in(workspace, [folder / "bags" / "box-later"], Silent()))
        assert all(each.copy for each in replicate(workspace, (), (), Silent()))

    def change(self, folder: Path) -> None:
        super().change(folder)
        self.links = [] if self.without_backups else self.links[: self.saved]
        (folder / CATALOG).unlink()

    def prepare(self, folder: Path, rng: random.Random) -> None:
        super().prepare(folder, rng)
        if self.without_backups:
            (folder / "preserve.toml").unlink()

    def arguments(self, folder: Path) -> Sequence[str]:
        if not self.without_backups:
            return ["--config", str(folder / "preserve.toml"), "catalog", "rebuild", "--json"]
        places = [word for name in REPLICAS for word in ("--from", str(folder / name))]
        return ["catalog", "rebuild", "--without-backups", *places, "--into", str(folder), "--json"]

    def stage(self, folder: Path) -> str:
        if (folder / CATALOG).exists():
            return "finished"
        staged = folder / f".{CATALOG}.rebuilding"
        if not staged.exists():
            return "not begun"
        copies = answer(staged, "SELECT count(*) FROM copy")
        return "reading backups" if copies is None else f"{copies} of {len(self.state['copies'])} copies known"

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = [*self.changed(folder, ("bags", *REPLICAS)), *faulty_backups(folder)]
        if not (folder / CATALOG).exists():
            return faults
        with self.open(folder) as workspace:
            faults += self.catalog_faults(workspace)
            found = state_of(workspace)
        return [*faults, *(f"{kind} are {found[kind]}" for kind in found if found[kind] != self.state[kind])]

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        if not (folder / CATALOG).exists():
            return [f"there is no catalog after the rerun, which ended with {status}"]
        # 1: the copies were read, and one is damaged. 2: killed after its last step, and a catalog is in its way.
        expected = (1 if self.without_backups else 0, 2)
        faults = [*self.faults_when_killed(folder), *self.end_faults(folder, status, expected)]
        with self.open(folder) as workspace:
            audits.run(workspace, audits.plan(workspace), Silent())
            if state_of(workspace) != self.state:
                faults.append(f"an audit afterwards found {state_of(workspace)['findings']}")
            return [*faults, *self.integrity_faults(workspace)]


@dataclass
class Migrating(Cared):
    """The first opening of a catalog that an older program made, by `preserve status`."""

    name = "migration"
    packages: int = 6
    files: int = 60

    def change(self, folder: Path) -> None:
        super().change(folder)
        made_old(folder / CATALOG)
        self.old = verified(os.fsencode(folder / CATALOG))

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "status", "--json"]

    def stage(self, folder: Path) -> str:
        if self._revision(folder) == REVISIONS[-1]:
            return "finished"
        kept = folder / f"{CATALOG}.before-{REVISIONS[-1]}"
        return "copy kept" if kept.exists() else "copying" if _partial(kept).exists() else "not begun"

    def _revision(self, folder: Path) -> object:
        return answer(folder / CATALOG, "SELECT version_num FROM alembic_version")

    def faults_when_killed(self, folder: Path) -> list[str]:
        faults = self.changed(folder, ("bags", *REPLICAS))
        if self._revision(folder) not in REVISIONS:
            faults.append("the catalog is of no revision")
        kept = folder / f"{CATALOG}.before-{REVISIONS[-1]}"
        if kept.exists() and (found := verified(os.fsencode(kept))).hash != self.old.hash:
            faults.append(f"what was kept of the old catalog ends at {found.number}")
        with self.away(folder) as workspace:
            return [*faults, *self.catalog_faults(workspace), *self.integrity_faults(workspace)]

    @contextmanager
    def away(self, folder: Path) -> Iterator[Workspace]:
        """A workspace on a copy of the catalog: opening it would bring the catalog up to date before the rerun does."""
        with copy_of(folder / CATALOG) as copied:
            shutil.copyfile(folder / "preserve.toml", copied.with_name("preserve.toml"))
            with self.open(copied.parent) as workspace:
                yield workspace

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        kept = folder / f"{CATALOG}.before-{REVISIONS[-1]}"
        faults = [] if kept.exists() else ["no copy of the old catalog was kept"]
        faults += [] if self._revision(folder) == REVISIONS[-1] else ["it was not brought up to date"]
        faults += self.faults_when_killed(folder)
        if kept.exists() and (found := verified(os.fsencode(kept))).revision != self.old.revision:
            faults.append(f"what was kept is of the revision {found.revision}")
        of_packages = "SELECT count(*) FROM event"
        if answer(folder / CATALOG, of_packages) != self.packages * (1 + len(REPLICAS)):
            faults.append(f"{answer(folder / CATALOG, of_packages)} events")
        faults += self.end_faults(folder, status, (1,))  # one copy is damaged
        with self.open(folder) as workspace:
            return faults if state_of(workspace) == self.state else [*faults, "the catalog says something else"]


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
