"""A repair far away, killed at every step of its quarantine: the next one finishes it, and both contents are kept."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import config
from preserve.app.repairs import repair
from preserve.app.workspace import Workspace
from preserve.catalog.rows import ReplicaRow
from preserve.progress import Silent
from preserve.stores.identity import QUARANTINE
from preserve.stores.locations import location
from preserve.stores.memory_base import MemoryStore
from preserve.stores.port import ReplicaStore
from preserve.stores.rooms.replica import RemoteReplica
from tests.support.killed_stores import KINDS, LONG_DEAD, Clock, Killed, Memory, Process
from tests.support.repairing import some_file
from tests.support.workspaces import PlacedWorkspace, make_workspace

AFAR = "abroad"


class Afar:
    """A workspace whose third replica is not on a disk of this machine but in memory."""

    def __init__(self, placed: PlacedWorkspace, kind: type[Memory], monkeypatch: pytest.MonkeyPatch) -> None:
        self.placed = placed
        self.kind = kind
        self.damaged = location("box-0", 1) + b"/" + some_file(placed)
        self.catalog = next(placed.folder.glob("*.sqlite"))
        local = Workspace._store

        def store_of(workspace: Workspace, configured: config.Replica, row: ReplicaRow) -> ReplicaStore:
            return self.replica if row.name == AFAR else local(workspace, configured, row)

        monkeypatch.setattr(Workspace, "_store", store_of)
        self.fill({})

    def fill(self, files: dict[bytes, bytes]) -> None:
        """A new store with these files, or what lies in the replica's folder."""
        root = bytes(self.placed.folder / AFAR)
        self.store: MemoryStore = self.kind()
        for path, content in files.items() or _files(root):
            self.store.lay(path, content)
        self.process()

    def process(self, name: str = "here:1:1") -> None:
        """What the next run is, to the locks: all before it have ended."""
        names = ("here:1:1", "here:2:2", LONG_DEAD)
        terms = Process(self.store, Clock(), name, dead=tuple(each for each in names if each != name)).terms  # type: ignore[arg-type]
        self.replica = RemoteReplica(self.store, terms=terms)

    def repair(self, *, aside: bool = False) -> list[str]:
        with self.placed.open() as workspace:
            view = repair(workspace, Silent(), apply=True, quarantine_untracked=aside)
            return [line.ending for line in view.lines]

    def kill_at(self, number: int, *, aside: bool = False) -> bool:
        """Kills a repair before the nth thing that it does in the quarantine, or in writing; whether it came so far."""
        left = number

        def hook(what: str, path: bytes) -> None:
            nonlocal left
            if left <= 0:
                raise Killed
            here = b"/quarantine/" in path or what in ("replacing", "finish", "finished", "remove", "removed", "rename")
            left -= here and not path.endswith(b".lock")

        self.store.hook = hook
        try:
            self.repair(aside=aside)
        except Killed:
            return True
        finally:
            self.store.hook = lambda what, path: None
            self.process("here:2:2")
        return False


def _files(root: bytes) -> Iterator[tuple[bytes, bytes]]:
    for folder, _, names in os.walk(root):
        for name in names:
            full = os.path.join(folder, name)
            yield os.path.relpath(full, root), Path(os.fsdecode(full)).read_bytes()


@pytest.fixture(params=KINDS)
def afar(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Afar:
    placed = make_workspace(tmp_path, packages=1, files=5)
    return Afar(placed, request.param, monkeypatch)


def _each_kill(afar: Afar, *, aside: bool = False) -> Iterator[int]:
    """Each time from the same state, in store and catalog; after the kill, before the next repair."""
    shutil.copyfile(afar.catalog, afar.placed.folder / "kept")
    files = afar.store.files
    number, killed = 0, True
    while killed:
        shutil.copyfile(afar.placed.folder / "kept", afar.catalog)
        for name in ("-wal", "-shm"):
            Path(f"{afar.catalog}{name}").unlink(missing_ok=True)
        afar.fill(files)
        killed = afar.kill_at(number, aside=aside)
        yield number
        number += 1


def test_a_repair_that_is_killed_anywhere_is_finished_by_the_next(afar: Afar) -> None:
    good = afar.store.files[afar.damaged]
    afar.store.flip(afar.damaged, 1000)
    bad = afar.store.files[afar.damaged]
    assert afar.placed.audit() == {(AFAR, "box-0", afar.damaged.partition(b"/")[2]): "digest-mismatch"}
    numbers = 0
    for numbers in _each_kill(afar):
        assert bad in afar.store.files.values(), numbers
        afar.repair()
        afar.process("here:1:1")
        assert afar.repair() == [], numbers  # all is good by now
        files = afar.store.files
        assert files[afar.damaged] == good, numbers
        aside = {path: content for path, content in files.items() if b"/quarantine/" in path}
        assert list(aside.values()).count(bad) == 1, (numbers, list(aside))
        assert sorted(path.rpartition(b"/")[2] for path in aside) == [
            b"content",
            b"entry.json",
            b"manifest-sha256.txt",
        ], (numbers, list(aside))
        assert not [path for path in files if path.endswith(b".lock")]
        assert afar.placed.audit() == {}
    assert numbers > 15


def test_setting_an_untracked_file_aside_can_be_killed_anywhere(afar: Afar) -> None:
    path = location("box-0", 1) + b"/data/found.txt"
    afar.store.lay(path, b"the only one of its kind")
    afar.placed.audit()
    for number in _each_kill(afar, aside=True):
        assert b"the only one of its kind" in afar.store.files.values(), number
        afar.repair(aside=True)
        files = afar.store.files
        assert path not in files, number
        assert list(files.values()).count(b"the only one of its kind") == 1, number


def test_the_whole_entries_of_earlier_repairs_cost_one_listing_together(afar: Afar) -> None:
    damaged = [path for path, content in afar.store.files.items() if b"/data/" in path and len(content) > 500]
    for path in damaged:
        afar.store.flip(path, 1000)
    afar.placed.audit()
    assert len(damaged) > 1 and afar.repair() == ["repaired"] * len(damaged)
    asked: list[tuple[str, bytes]] = []
    afar.store.hook = lambda what, path: asked.append((what, path))
    assert afar.repair() == []
    there = [one for one in asked if one[1].startswith(QUARANTINE)]
    assert there == [("names_in", QUARANTINE), ("listing", QUARANTINE)]
