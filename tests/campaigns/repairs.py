"""Random damage over three replicas, repaired: what had one good copy is whole again, the rest is reported lost.

As a script: `python -m tests.campaigns.repairs --count 2000`. A small cut with a fixed seed is a test. The bags that
were taken in are out of reach, so that there is nothing but the copies; often a file is damaged on several of them.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from preserve.app.repairs import repair
from preserve.progress import Silent
from reports.repairs import RepairView
from tests.campaigns.faults import DIFFERENT, KINDS, Scene
from tests.support.workspaces import PlacedWorkspace, make_workspace

Files = dict[tuple[str, str], bytes]  # (replica, path below it) -> content


@dataclass
class Report:
    """What a campaign came to."""

    damages: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    made_whole: int = 0
    from_elsewhere: int = 0  # of these, where no copy of the same file was good
    lost: int = 0
    set_aside: int = 0
    faults: list[str] = field(default_factory=list)


def campaign(folder: Path, *, count: int, seed: int, a_round: int = 20) -> Report:
    """Plants `count` damages in rounds; after each: audit, repair, audit, and compare with what was."""
    rng, report = random.Random(seed), Report()
    workspace = make_workspace(folder, seed=seed)
    pristine = files_of(workspace)
    while report.damages.total() < count:
        scene = Scene(workspace, rng)
        _plant(scene, report, min(a_round, count - report.damages.total()))
        workspace.audit()
        before = files_of(workspace)
        held = {sha256(content).digest() for content in before.values()} | quarantined(workspace)
        view = mend(workspace, report)
        after, found = files_of(workspace), workspace.audit()
        judge(workspace, pristine, before, held, after, set(found), view, report)
        put_back(workspace, pristine, after)
        if left := workspace.audit():
            report.faults.append(f"not clean after all was put back: {left}")
    return report


def _plant(scene: Scene, report: Report, number: int) -> None:
    planted = 0
    while planted < number:
        kind = scene.rng.choice([*KINDS, "on several copies", "on several copies"])
        done = on_several(scene) if kind == "on several copies" else int(KINDS[kind](scene))
        if done:
            report.damages[kind] += done
            planted += done


def on_several(scene: Scene) -> int:
    """The same file is damaged on two or all three replicas, not always alike; how many."""
    found = scene.pick(minimum=1)
    if found is None:
        return 0
    _, package, path, _ = found
    twins = [path for path in scene.workspace.files[package] if not scene.workspace.is_held_once(package, path)]
    if twins and scene.rng.random() < 0.3:
        path = scene.rng.choice(twins)  # lost here, and to be had from an equal file
    places = [scene.workspace.copy(replica, package) for replica in scene.workspace.replicas]
    files = [copy / os.fsdecode(path) for copy in places]
    if any(copy in scene.touched for copy in places) or any(full in scene.saved for full in files):
        return 0
    if not files[0].stat().st_size:
        return 0
    chosen = scene.rng.sample(files, scene.rng.choice((2, 3, 3)))
    same = scene.rng.random() < 0.5  # a majority for the wrong bytes
    content = bytes([files[0].read_bytes()[0] ^ 1]) + files[0].read_bytes()[1:]
    for full in chosen:
        scene.save(full)
        scene.write(full, content if same else content + scene.rng.randbytes(3))
        scene.expect((scene.workspace.replicas[files.index(full)], package, path), *DIFFERENT)
    return len(chosen)


def mend(workspace: PlacedWorkspace, report: Report, confirm_change: tuple[str, ...] = ()) -> RepairView:
    """Repairs all there is, with the bags that were taken in out of reach."""
    bags, hidden = workspace.folder / "bags", workspace.folder / "hidden"
    bags.rename(hidden)
    with workspace.open() as opened:
        view = repair(opened, Silent(), apply=True, quarantine_untracked=True, confirm_change=confirm_change)
    hidden.rename(bags)
    for line in view.lines:
        report.endings[line.ending] += 1
        report.methods[line.method] += line.ending == "repaired"
        report.causes[line.cause or "none"] += 1
    return view


def judge(
    workspace: PlacedWorkspace,
    pristine: Files,
    before: Files,
    held: set[bytes],  # digests of all that lay on the replicas, the quarantine's too
    after: Files,
    found: set[tuple[str, str, bytes]],
    view: RepairView,
    report: Report,
) -> None:
    set_aside = quarantined(workspace)
    for place, content in pristine.items():
        had = before.get(place)
        if had == content:
            if after.get(place) != content:
                report.faults.append(f"{place}: was good, and was changed")
            continue
        if sha256(content).digest() in held:
            report.made_whole += 1
            same = any(before.get((replica, place[1])) == content for replica in workspace.replicas)
            report.from_elsewhere += not same
            if after.get(place) != content:
                report.faults.append(f"{place}: good bytes were there, and it was not made whole")
        else:
            report.lost += 1
            if after.get(place) != had:
                report.faults.append(f"{place}: has no good copy, and its bytes were changed")
            if _blame(place) not in found or not _told_lost(view, place):
                report.faults.append(f"{place}: is lost, and that was not told")
    for place, content in before.items():
        if after.get(place) != content and place in pristine and content != pristine[place]:
            report.set_aside += 1
            if sha256(content).digest() not in set_aside:
                report.faults.append(f"{place}: its bad bytes are not in the quarantine")
        if place not in pristine and after.get(place) != content:
            kept = sha256(content).digest() in set_aside or content in after.values()
            report.set_aside += 1
            if not kept:
                report.faults.append(f"{place}: was never taken in, and is gone")
    lost = {_blame(place) for place in pristine if after.get(place) != pristine[place]}
    report.faults += [f"{blame}: still found, though it is good" for blame in found - lost]


def _told_lost(view: RepairView, place: tuple[str, str]) -> bool:
    replica, package, path = _blame(place)
    return any(
        (line.replica, line.package, line.path) == (replica, package, path) and line.ending == "no-good-copy"
        for line in view.lines
    )


def _blame(place: tuple[str, str]) -> tuple[str, str, bytes]:
    package, _, path = place[1].partition("/")
    return place[0], package, os.fsencode(path)


def files_of(workspace: PlacedWorkspace) -> Files:
    """Every file of every copy."""
    found: Files = {}
    for replica in workspace.replicas:
        root = workspace.root(replica)
        for package in root.iterdir():
            if package.name != ".preserve":
                for path in package.rglob("*"):
                    if path.is_file():
                        found[replica, str(path.relative_to(root))] = path.read_bytes()
    return found


def quarantined(workspace: PlacedWorkspace) -> set[bytes]:
    return {
        sha256(path.read_bytes()).digest()
        for replica in workspace.replicas
        for path in (workspace.root(replica) / ".preserve" / "quarantine").glob("*/content")
    }


def put_back(workspace: PlacedWorkspace, pristine: Files, after: Files) -> None:
    for place in after.keys() - pristine.keys():
        (workspace.root(place[0]) / place[1]).unlink()
    for (replica, path), content in pristine.items():
        if after.get((replica, path)) != content:
            full = workspace.root(replica) / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="preserve-repairs-", ignore_cleanup_errors=True) as folder:
        report = campaign(Path(folder), count=arguments.count, seed=arguments.seed)
    for title, counts in (
        ("damages", report.damages),
        ("endings", report.endings),
        ("methods", report.methods),
        ("causes told", report.causes),
    ):
        print(f"{title}: " + ", ".join(f"{name} {number:,}" for name, number in counts.most_common()))
    print(f"{report.damages.total():,} damages in {time.monotonic() - begun:.0f} s, seed {arguments.seed}")
    print(f"{report.made_whole:,} files made whole, {report.from_elsewhere:,} of them from an equal file elsewhere")
    print(f"{report.lost:,} lost and told so; {report.set_aside:,} contents set aside; {len(report.faults):,} faults")
    print("\n".join(report.faults[:50]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
