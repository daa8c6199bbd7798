"""Random damage over three replicas: nothing missed, no wrong file blamed, no false alarm.

As a script: `python -m tests.campaigns.faults --count 1000 --clean 100`. A small cut with a fixed seed is a test.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.workspaces import PlacedWorkspace, make_workspace

Blame = tuple[str, str, bytes]  # replica, package, path

DIFFERENT = {"digest-mismatch", "size-mismatch", "manifest-changed"}


@dataclass
class Report:
    """What a campaign came to."""

    faults: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    clean_audits: int = 0
    false_alarms: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """One round: the files it touched, as they were, and what an audit must say of them."""

    workspace: PlacedWorkspace
    rng: random.Random
    saved: dict[Path, tuple[bytes, os.stat_result] | None] = field(default_factory=dict)
    expected: dict[Blame, set[str]] = field(default_factory=dict)
    touched: set[Path] = field(default_factory=set)

    def pick(self, *, minimum: int = 0) -> tuple[str, str, bytes, Path] | None:
        """A file of some copy that no other fault of this round touches."""
        for _ in range(50):
            replica, package = self.rng.choice(self.workspace.replicas), self.rng.choice(self.workspace.packages)
            copy = self.workspace.copy(replica, package)
            path = self.rng.choice(self.workspace.files[package])
            full = copy / os.fsdecode(path)
            if copy in self.touched or full in self.saved or full.stat().st_size < minimum:
                continue
            return replica, package, path, full
        return None

    def save(self, path: Path) -> None:
        self.saved[path] = (path.read_bytes(), path.stat()) if path.exists() else None

    def write(self, path: Path, content: bytes) -> None:
        """Changes a file's bytes and keeps its times, as bit rot and clever people do."""
        before = path.stat()
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def expect(self, blame: Blame, *codes: str) -> None:
        self.expected[blame] = set(codes)

    def undo(self) -> None:
        for path, state in self.saved.items():
            if state is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(state[0])
                os.utime(path, ns=(state[1].st_atime_ns, state[1].st_mtime_ns))


def flip(scene: Scene) -> bool:
    return _rewrite(scene, 1, _flipped)


def truncate(scene: Scene) -> bool:
    return _rewrite(scene, 1, lambda content, rng: content[: rng.randrange(len(content))])


def zero(scene: Scene) -> bool:
    def zeroed(content: bytes, rng: random.Random) -> bytes:
        start = rng.randrange(len(content))
        stop = min(len(content), start + rng.choice((1, 512, 4096)))
        return content[:start] + bytes(stop - start) + content[stop:]

    return _rewrite(scene, 1, zeroed)


def append(scene: Scene) -> bool:
    return _rewrite(scene, 0, lambda content, rng: content + rng.randbytes(rng.randint(1, 100)))


def _flipped(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def _rewrite(scene: Scene, minimum: int, change: Callable[[bytes, random.Random], bytes]) -> bool:
    found = scene.pick(minimum=minimum)
    if found is None:
        return False
    replica, package, path, full = found
    content = full.read_bytes()
    changed = change(content, scene.rng)
    if changed == content:
        return False
    scene.save(full)
    scene.write(full, changed)
    scene.expect((replica, package, path), *DIFFERENT)
    return True


def delete(scene: Scene) -> bool:
    found = scene.pick()
    if found is None:
        return False
    replica, package, path, full = found
    scene.save(full)
    full.unlink()
    scene.expect((replica, package, path), "missing")
    return True


def rename(scene: Scene) -> bool:
    found = scene.pick()
    if found is None:
        return False
    replica, package, path, full = found
    folder, name = os.path.split(path)
    other = os.path.join(folder, scene.rng.choice((b"~", b"0", "ផ្លាស់".encode())) + name)
    target = full.with_name(os.fsdecode(os.path.basename(other)))
    if target in scene.saved:
        return False
    scene.save(full)
    scene.save(target)
    full.rename(target)
    if target.stat().st_size and scene.workspace.is_held_once(package, path):
        scene.expect((replica, package, path), "moved")
    else:
        scene.expect((replica, package, path), "missing")
        scene.expect((replica, package, other), "untracked")
    return True


def add(scene: Scene) -> bool:
    found = scene.pick()
    if found is None:
        return False
    replica, package, path, full = found
    target = full.with_name(full.name + ".new")
    if target in scene.saved:
        return False  # added already in this round
    scene.save(target)
    target.write_bytes(scene.rng.randbytes(scene.rng.randrange(100)))
    scene.expect((replica, package, path + b".new"), "untracked")
    return True


def swap(scene: Scene) -> bool:
    """Two files of one copy change places."""
    one = scene.pick()
    if one is None:
        return False
    replica, package, path, full = one
    copy = scene.workspace.copy(replica, package)
    for other in scene.rng.sample(scene.workspace.files[package], 20):
        second = copy / os.fsdecode(other)
        if second not in scene.saved and second != full and second.read_bytes() != full.read_bytes():
            return _exchange(scene, (replica, package, path, full), (replica, package, other, second))
    return False


def exchange(scene: Scene) -> bool:
    """Two packages get each other's file."""
    one, other = scene.pick(), scene.pick()
    if one is None or other is None or one[1] == other[1] or one[3].read_bytes() == other[3].read_bytes():
        return False
    return _exchange(scene, one, other)


def _exchange(scene: Scene, one: tuple[str, str, bytes, Path], other: tuple[str, str, bytes, Path]) -> bool:
    for item in (one, other):
        scene.save(item[3])
    first, second = one[3].read_bytes(), other[3].read_bytes()
    scene.write(one[3], second)
    scene.write(other[3], first)
    for replica, package, path, _ in (one, other):
        scene.expect((replica, package, path), *DIFFERENT)
    return True


def old_version(scene: Scene) -> bool:
    """An older, consistent bag is put back over part of a copy: a file together with its old manifests."""
    found = scene.pick()
    if found is None:
        return False
    replica, package, _, _ = found
    copy = scene.workspace.copy(replica, package)
    if any(copy in path.parents for path in scene.saved):
        return False
    scene.touched.add(copy)
    for path, content in scene.workspace.older[package].items():
        full = copy / os.fsdecode(path)
        scene.save(full)
        scene.write(full, content)
        scene.expect((replica, package, path), *DIFFERENT)
    return True


KINDS: dict[str, Callable[[Scene], bool]] = {
    "flip": flip,
    "truncate": truncate,
    "zero": zero,
    "append": append,
    "delete": delete,
    "rename": rename,
    "add": add,
    "swap": swap,
    "old file with its old manifest": old_version,
    "exchange between packages": exchange,
}


def campaign(folder: Path, *, count: int, seed: int, clean: int, a_round: int = 10) -> Report:
    """Plants `count` faults, a few at a time, audits after each round, undoes them; and audits undamaged copies."""
    rng = random.Random(seed)
    report = Report()
    workspace = make_workspace(folder, seed=seed)
    rounds = -(-count // a_round)
    while report.faults.total() < count:
        scene = Scene(workspace, rng)
        _plant(scene, report, min(a_round, count - report.faults.total()))
        compare(scene, workspace.audit(), report)
        scene.undo()
        if report.clean_audits < clean and report.clean_audits * rounds < clean * (report.faults.total() // a_round):
            _clean(workspace, report)
    while report.clean_audits < clean:
        _clean(workspace, report)
    return report


def _plant(scene: Scene, report: Report, number: int) -> None:
    planted = 0
    while planted < number:
        kind = scene.rng.choice(list(KINDS))
        if KINDS[kind](scene):
            report.faults[kind] += 1
            planted += 1


def compare(scene: Scene, found: dict[Blame, str], report: Report) -> None:
    """Notes what an audit missed or told wrongly, and whom it blamed wrongly."""
    for blame, codes in scene.expected.items():
        if found.get(blame) not in codes:
            report.missed.append(f"{blame}: expected {sorted(codes)}, found {found.get(blame)}")
    for blame, code in found.items():
        if blame not in scene.expected:
            report.wrong.append(f"{blame}: {code}")


def _clean(workspace: PlacedWorkspace, report: Report) -> None:
    report.clean_audits += 1
    report.false_alarms += [f"{blame}: {code}" for blame, code in workspace.audit().items()]


@contextmanager
def _temporary() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="preserve-faults-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--clean", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun = time.monotonic()
    with _temporary() as folder:
        report = campaign(folder, count=arguments.count, seed=arguments.seed, clean=arguments.clean)
    for kind, number in report.faults.most_common():
        print(f"{number:6,}  {kind}")
    print(f"{report.faults.total():6,}  faults in {time.monotonic() - begun:.0f} s, seed {arguments.seed}")
    print(f"{len(report.missed):6,}  missed or told wrongly")
    print(f"{len(report.wrong):6,}  wrong files blamed")
    print(f"{len(report.false_alarms):6,}  false alarms in {report.clean_audits} clean audits")
    for line in (*report.missed, *report.wrong, *report.false_alarms):
        print("   ", line)
    return 1 if report.missed or report.wrong or report.false_alarms else 0


if __name__ == "__main__":
    sys.exit(main())
