"""A workspace with packages on three replicas, made in a temporary folder through the application itself."""

import os
import random
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import config
from checks.findings import Severity
from preserve.app import audits
from preserve.app.holdings import replicate, take_in
from preserve.app.replicas import add_replica
from preserve.app.workspace import Workspace, init
from preserve.progress import Silent
from preserve.stores.locations import location
from tests.support.bags import make_bag

REPLICAS = ("nas", "disk", "abroad")
_FOLDERS = ("", "a/", "a/b/", "ទំព័រ/", "a-b/", "été/", "Ảnh/")


@dataclass(frozen=True)
class Place:
    """Where a replica is put: what `preserve replica add` is given."""

    url: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass
class PlacedWorkspace:
    """Packages on three replicas, and what every file of them was."""

    folder: Path
    packages: list[str]
    replicas: list[str]
    files: dict[str, list[bytes]]  # package -> paths from the bag's root
    digests: dict[str, Counter[str]]  # package -> how often each content is held
    older: dict[str, dict[bytes, bytes]]  # package -> files of an older, consistent bag that differ

    def root(self, replica: str) -> Path:
        """The folder in which a replica's files lie: its own, or its server's."""
        return self.folder / replica

    def copy(self, replica: str, package: str) -> Path:
        return self.root(replica) / os.fsdecode(location(package, 1))

    def send(self, *, says_sums: bool = True) -> None:
        """Where a server keeps no plain files: does to its objects what was done to the folder that stands for them."""

    def fetch(self) -> None:
        """The reverse: the folder holds what the server holds now."""

    def is_held_once(self, package: str, path: bytes) -> bool:
        """Whether no other file of the package has the content that this one was taken in with."""
        content = (self.folder / "bags" / package / os.fsdecode(path)).read_bytes()
        return self.digests[package][sha256(content).hexdigest()] == 1

    def open(self) -> Workspace:
        return Workspace(config.load(self.folder / "preserve.toml"))

    def audit(self) -> dict[tuple[str, str, bytes], str]:
        """Audits everything; the open errors, (replica, package, path) -> code. Copy-wide ones have an empty path."""
        with self.open() as workspace:
            audits.run(workspace, audits.plan(workspace), Silent())
            return {
                (row.replica, row.package, row.finding.path or b""): row.code.value
                for row in workspace.catalog.findings()
                if row.finding.severity is Severity.ERROR
            }


def make_collection(folder: Path, rng: random.Random, files: int) -> None:
    """Random files: empty ones, twins, sizes around a block, names in several scripts."""
    twin = rng.randbytes(700)
    for number in range(files):
        name = f"{rng.choice(_FOLDERS)}{rng.choice(('page', 'ទំព័រ', 'trang', 'feuillet é'))} {number:03d}.bin"
        size = rng.choice((0, 1, 13, 511, 512, 4095, 4096, 4097, 20_000))
        content = twin if number % 9 == 0 else rng.randbytes(size)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def make_workspace(
    folder: Path,
    *,
    seed: int = 1,
    packages: int = 4,
    files: int = 25,
    placed: tuple[str, ...] = REPLICAS,
    places: Mapping[str, Place] | None = None,
) -> PlacedWorkspace:
    """Makes collections, bags them, takes them in and places them on replicas: on all three, if not told otherwise."""
    rng = random.Random(seed)
    names = [f"box-{number}" for number in range(packages)]
    older = {}
    for name in names:
        source = folder / "sources" / name
        make_collection(source, rng, files)
        older[name] = _older(folder, name, source, rng)
        make_bag(source, folder / "bags" / name)
    keep(folder, [folder / "bags" / name for name in names], placed=placed, places=places)
    paths = {name: _paths(folder / "bags" / name) for name in names}
    digests = {
        name: Counter(sha256((folder / "bags" / name / os.fsdecode(p)).read_bytes()).hexdigest() for p in paths[name])
        for name in names
    }
    return PlacedWorkspace(folder, names, list(places or REPLICAS), paths, digests, _differing(folder, older))


def keep(folder: Path, bags: list[Path], *, placed: tuple[str, ...], places: Mapping[str, Place] | None = None) -> None:
    """Makes a workspace in a folder, takes bags in, adds three replicas and places copies on some of them."""
    init(folder)
    if places is None:
        places = {replica: Place(str(folder / replica)) for replica in REPLICAS}
        for replica in REPLICAS:
            (folder / replica).mkdir()
    with Workspace(config.load(folder / "preserve.toml")) as workspace:
        for replica, place in places.items():
            add_replica(workspace, replica, place.url, medium=None, site=None, offline=False, keys=place.keys)
    with Workspace(config.load(folder / "preserve.toml")) as workspace:
        taken = list(take_in(workspace, bags, Silent()))
        assert all(each.package is not None for each in taken), [each.validation.findings for each in taken]
        copies = list(replicate(workspace, (), placed, Silent()))
        assert all(each.copy is not None for each in copies), copies


def _older(folder: Path, name: str, source: Path, rng: random.Random) -> Path:
    """A bag of the same collection before one of its files was changed."""
    before = folder / "older" / name
    shutil.copytree(source, folder / "older-sources" / name)
    changed = rng.choice(sorted(p for p in (folder / "older-sources" / name).rglob("*") if p.is_file()))
    changed.write_bytes(changed.read_bytes() + b"before")
    make_bag(folder / "older-sources" / name, before)
    return before


def _paths(bag: Path) -> list[bytes]:
    return sorted(os.fsencode(path.relative_to(bag)) for path in bag.rglob("*") if path.is_file())


def _differing(folder: Path, older: dict[str, Path]) -> dict[str, dict[bytes, bytes]]:
    return {
        name: {
            path: content
            for path in _paths(folder / "bags" / name)
            if (content := (bag / os.fsdecode(path)).read_bytes())
            != (folder / "bags" / name / os.fsdecode(path)).read_bytes()
        }
        for name, bag in older.items()
    }
