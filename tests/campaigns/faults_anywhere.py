"""Random damage in the storage of a disk, a bucket and an SFTP server: found, blamed, judged, mended, and clean again.

As a script: `python -m tests.campaigns.faults_anywhere --count 500`. A small cut with a fixed seed is a test. The
servers are real ones. What is planted, is planted where they keep their files: rclone over a folder is changed beneath
it and says the old checksums; the objects of SeaweedFS are changed by another program than ours, and bits turn in its
own files, which it then hands out no more: such a file is unread, never good and never missing.
"""

import argparse
import io
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from rich.console import Console

from checks.evidence import Outcome
from preserve.app import audits, file_views
from preserve.app.audit_views import audit_view
from preserve.progress import Silent
from reports import audits as audit_reports
from reports.repairs import RepairLine
from tests.campaigns import faults, repairs
from tests.campaigns.faults import Blame, Scene
from tests.support.anywhere import BUCKET, AnywhereWorkspace, Served, anywhere
from tests.support.s3_servers import flip_in_volume

UNREAD = "bits turned in the server's files"
_LEAST_BYTES = 4000  # of a file in which a bit is turned, so that the server's files hold it once
_UNDONE_ROUNDS = 5  # in one of so many a bit is turned: each reading of it takes the server a quarter of a minute


@dataclass
class Report:
    """What a campaign came to."""

    found: faults.Report = field(default_factory=faults.Report)
    repaired: repairs.Report = field(default_factory=repairs.Report)
    rounds: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    claims: Counter[str] = field(default_factory=Counter)  # outcomes of claimed audits
    hidden: int = 0  # faults of which the provider could not know
    wrong_verdicts: list[str] = field(default_factory=list)
    wrong_claims: list[str] = field(default_factory=list)
    not_clean: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def troubles(self) -> list[str]:
        found = (*self.found.missed, *self.found.wrong)
        return [*found, *self.wrong_verdicts, *self.wrong_claims, *self.repaired.faults, *self.not_clean]


@dataclass
class FarScene(Scene):
    """A round. `gone`: of which replicas a whole copy is; `turned` undoes what was done in the server's files."""

    gone: set[str] = field(default_factory=set)
    turned: list[Callable[[], object]] = field(default_factory=list)


def whole_copy(scene: FarScene) -> int:
    """The folder of a package is gone; its other copies are left alone, as a copy is made again whole or not at all."""
    found = scene.pick()
    if found is None or scene.gone:
        return 0
    replica, package, _, _ = found
    copy = scene.workspace.copy(replica, package)
    copies = {scene.workspace.copy(each, package) for each in scene.workspace.replicas}
    if copies & scene.touched or any(copies & set(path.parents) for path in scene.saved):
        return 0
    scene.touched |= copies
    scene.gone.add(replica)
    shutil.rmtree(copy)
    scene.expect((replica, package, b""), "copy-missing")
    return 1


def bit_in_volume(scene: FarScene) -> int:
    """One bit in the files in which the bucket's server keeps what it was given."""
    workspace = scene.workspace
    assert isinstance(workspace, AnywhereWorkspace)
    for _ in range(50):
        found = scene.pick(minimum=_LEAST_BYTES)
        if found is None or found[0] != BUCKET or not workspace.is_held_once(found[1], found[2]):
            continue
        replica, package, path, full = found
        content, bit = full.read_bytes(), scene.rng.randrange(8 * 512)
        try:
            volume = flip_in_volume(workspace.s3, content, bit)
        except AssertionError:
            continue  # it lies there more than once: put back in an earlier round
        changed = content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]
        scene.save(full)
        scene.turned.append(partial(_turn_back, volume, changed, content))
        scene.expect((replica, package, path), "unreadable")
        return 1
    return 0


def _turn_back(volume: Path, changed: bytes, content: bytes) -> None:
    with volume.open("r+b") as file:
        file.seek(volume.read_bytes().index(changed))
        file.write(content)


def campaign(
    folder: Path,
    served: Served,
    *,
    count: int,
    seed: int,
    a_round: int = 20,
    packages: int = 4,
    turn_bits: bool = True,
) -> Report:
    """Plants `count` faults in rounds; see `_round`. `turn_bits`: also in SeaweedFS' own files, which takes minutes."""
    report, rng, begun = Report(), random.Random(seed), time.monotonic()
    with anywhere(folder, served, seed=seed, packages=packages) as workspace:
        pristine = repairs.files_of(workspace)
        while report.found.faults.total() < count:
            scene = FarScene(workspace, rng)
            _plant(scene, report, min(a_round, count - report.found.faults.total()), turn_bits)
            _round(scene, pristine, report)
    report.seconds = time.monotonic() - begun
    return report


def _plant(scene: FarScene, report: Report, number: int, turn_bits: bool) -> None:
    workspace, planted = scene.workspace, 0
    assert isinstance(workspace, AnywhereWorkspace)
    if turn_bits and workspace.served is Served.WEED and report.rounds % _UNDONE_ROUNDS == 0:
        planted += bit_in_volume(scene)
        report.found.faults[UNREAD] += planted
    kinds: dict[str, Callable[[FarScene], int]] = {**faults.KINDS, "whole copy gone": whole_copy}
    while planted < number:
        kind = scene.rng.choice([*kinds, "on several"])
        done = repairs.on_several(scene) if kind == "on several" else int(kinds[kind](scene))
        if kind == "on several":
            kind = "one file on all three replicas" if done == 3 else "one file on two replicas"
        if done:
            report.found.faults[kind] += done
            planted += done
    workspace.send(says_sums=report.rounds % 2 == 0)


def _round(scene: FarScene, pristine: repairs.Files, report: Report) -> None:
    """Claims, audit, verdicts, repair, audit; each is held against what was planted."""
    workspace = scene.workspace
    assert isinstance(workspace, AnywhereWorkspace)
    report.rounds += 1
    _ask(scene, pristine, report)
    found = workspace.audit()
    faults.compare(scene, found, report.found)
    _verdicts(scene, report)
    before = repairs.files_of(workspace)
    held = {sha256(content).digest() for content in before.values()} | repairs.quarantined(workspace)
    view = repairs.mend(workspace, report.repaired, tuple(scene.gone))
    report.not_clean += [f"{line.path!r} at {line.replica}: left, {line.problem}" for line in _failed(view.lines)]
    for turn_back in scene.turned:
        turn_back()
    workspace.fetch()
    after, left = repairs.files_of(workspace), workspace.audit()
    repairs.judge(workspace, pristine, before, held, after, set(left), view, report.repaired)
    repairs.put_back(workspace, pristine, after)
    workspace.send()
    report.not_clean += [f"after all was put back: {blame}: {code}" for blame, code in workspace.audit().items()]


def _failed(lines: Sequence[RepairLine]) -> list[RepairLine]:
    return [line for line in lines if line.ending == "failed"]


def _verdicts(scene: FarScene, report: Report) -> None:
    """Each file with a finding is judged across its copies as what was planted says."""
    with scene.workspace.open() as opened:
        lines = file_views.drift_view(opened).lines
    told = {(line.package, line.file.path): line.file.verdict.value for line in lines}
    report.verdicts.update(told.values())
    for (package, path), verdict in expected_verdicts(scene).items():
        if told.pop((package, path), None) != verdict:
            report.wrong_verdicts.append(f"{package}/{path!r}: not told as {verdict}")
    report.wrong_verdicts += [
        f"{place}: told as {verdict}, and nothing was done to it" for place, verdict in told.items()
    ]


def expected_verdicts(scene: Scene) -> dict[tuple[str, bytes], str]:
    """(package, path) -> its verdict, of all that findings are expected of."""
    replicas, expected = scene.workspace.replicas, scene.expected
    verdicts = {}
    for package, path in {blame[1:] for blame in expected if blame[2]}:
        codes = [expected.get((replica, package, path), set()) for replica in replicas]
        codes = [
            {"missing"} if path in scene.workspace.files[package] and (replica, package, b"") in expected else each
            for replica, each in zip(replicas, codes, strict=True)
        ]
        bad = [each for each in codes if each and each != {"unreadable"}]
        had = {"moved"} in codes or set() in codes or "untracked" in set().union(*codes)
        unread = {"unreadable"} in codes
        verdicts[package, path] = "degraded" if bad and had else "unknown" if unread else "lost"
    return verdicts


def _ask(scene: FarScene, pristine: repairs.Files, report: Report) -> None:
    """What the bucket's provider claims, before anything is read: never more than it can know."""
    workspace = scene.workspace
    assert isinstance(workspace, AnywhereWorkspace)
    with workspace.open() as opened:
        view = audit_view(opened, audits.run(opened, audits.plan(opened, claimed=True), Silent()))
        told = {
            (row.replica, row.package, row.finding.path or b""): row.finding.code.value
            for row in opened.catalog.findings()
            if row.replica == BUCKET
        }
    printed = io.StringIO()
    console = Console(width=4000, file=printed)
    console.print(audit_reports.as_text(view))
    if "did not read" not in printed.getvalue():
        report.wrong_claims.append(f"audit {view.id} does not say that nothing was read")
    outcome = audit_reports.outcome_of(view)
    planted = {blame: codes for blame, codes in scene.expected.items() if blame[0] == BUCKET}
    seen = {
        blame for blame, codes in planted.items() if codes != {"unreadable"} and not _hidden(workspace, pristine, blame)
    }
    hidden = len(planted) - len(seen)
    # A name that is new is not known by any claim for the file that moved there.
    moved = sum(codes == {"moved"} for codes in planted.values())
    unplanted = {blame: code for blame, code in told.items() if blame not in planted}
    if sum(code == "untracked" for code in unplanted.values()) <= moved:
        unplanted = {blame: code for blame, code in unplanted.items() if code != "untracked"}
    report.claims[outcome.value] += 1
    report.hidden += hidden
    if (outcome is Outcome.PASS) != (not seen):
        report.wrong_claims.append(f"audit {view.id}: claimed {outcome.value}, where {len(seen)} could be known")
    report.wrong_claims += [f"{blame}: {code}, by a claim" for blame, code in unplanted.items()]


def _hidden(workspace: AnywhereWorkspace, pristine: repairs.Files, blame: Blame) -> bool:
    """Whether the provider cannot know of it: it keeps the checksum of what was put, and the size is the same."""
    replica, package, path = blame
    full = workspace.copy(replica, package) / os.fsdecode(path)
    if not path or not full.is_file() or (replica, f"{package}/{os.fsdecode(path)}") not in pristine:
        return False
    was = pristine[replica, f"{package}/{os.fsdecode(path)}"]
    return workspace.served is Served.RCLONE and full.stat().st_size == len(was)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    troubles = 0
    for number, served in enumerate(Served):
        count = (arguments.count + 1 - number) // 2
        with tempfile.TemporaryDirectory(prefix="preserve-anywhere-", ignore_cleanup_errors=True) as folder:
            report = campaign(Path(folder), served, count=count, seed=arguments.seed)
        _print(served, report)
        troubles += len(report.troubles())
    return 1 if troubles else 0


def _print(served: Served, report: Report) -> None:
    print(f"--- disk, {served.value} and sshd: {report.rounds} rounds in {report.seconds:.0f} s")
    for kind, number in report.found.faults.most_common():
        print(f"{number:6,}  {kind}")
    print(f"{report.found.faults.total():6,}  faults")
    for number, words in (
        (len(report.found.missed), "missed or told wrongly"),
        (len(report.found.wrong), "wrong files blamed"),
        (len(report.wrong_verdicts), "wrong verdicts"),
        (len(report.wrong_claims), "wrong words about claims"),
        (report.hidden, "hidden beneath a claim"),
        (report.repaired.made_whole, "files made whole"),
        (report.repaired.lost, "lost, and told so"),
        (report.repaired.set_aside, "contents set aside"),
        (len(report.repaired.faults), "faults of repair"),
        (len(report.not_clean), "not clean at the end"),
    ):
        print(f"{number:6,}  {words}")
    for title, counts in (
        ("verdicts", report.verdicts),
        ("claimed audits", report.claims),
        ("endings", report.repaired.endings),
    ):
        print(f"{title}: " + ", ".join(f"{name} {number:,}" for name, number in counts.most_common()))
    print("\n".join(report.troubles()[:50]))


if __name__ == "__main__":
    sys.exit(main())
