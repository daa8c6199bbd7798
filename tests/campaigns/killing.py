"""SIGKILL at random moments, or before every single step: what is left is judged, and the same command ends the work.

As a script: `python -m tests.campaigns.killing --count 500 --seed 1`, or `--steps` for every step there is. A small cut
with a fixed seed is a test. A `Scenario` is a command and what must hold after it was killed; others can be added.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

import sqlalchemy

from checks.evidence import Outcome
from tests.campaigns.killing_catalog import BackingUp, Migrating, Rebuilding, Removing
from tests.campaigns.killing_copies import Auditing, Replicating
from tests.campaigns.killing_repairs import Repairing, Restoring

ROOT = Path(__file__).resolve().parents[2]
PRESERVE = (sys.executable, "-m", "preserve")


class Scenario(Protocol):
    """A work in a folder of its own that may be killed at any moment."""

    @property
    def name(self) -> str: ...

    def prepare(self, folder: Path, rng: random.Random) -> None:
        """Makes what the command needs."""
        ...

    def arguments(self, folder: Path) -> Sequence[str]:
        """The arguments of `preserve`."""
        ...

    def faults_when_killed(self, folder: Path) -> list[str]:
        """What should not be, whenever the command was killed."""
        ...

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        """What should not be after the command ended by itself with that exit status."""
        ...

    def stage(self, folder: Path) -> str:
        """A word for how far the work had come."""
        ...


@dataclass
class Report:
    """What a campaign came to: kills by stage, and what went wrong (nothing, it is hoped)."""

    kills: Counter[str] = field(default_factory=Counter)
    ended_first: int = 0
    faults: list[str] = field(default_factory=list)


def by_time(scenario: Scenario, count: int, seed: int, *, most_kills: int = 3) -> Report:
    """Kills `count` works at random moments of their measured duration, each up to `most_kills` times in a row."""
    rng, report = random.Random(seed), Report()
    begins, duration = _measured(scenario, rng)
    for trial in range(count):
        with _folder() as folder:
            scenario.prepare(folder, rng)
            for _ in range(rng.randint(1, most_kills)):
                took = _took_unless_killed(scenario.arguments(folder), rng.uniform(begins * 0.9, duration))
                if took is not None:
                    duration = max((duration + took) / 2, begins)  # it was measured while the machine had more to do
                    report.ended_first += 1
                    break
                report.kills[scenario.stage(folder)] += 1
                report.faults += _told(trial, "killed", scenario.faults_when_killed(folder))
            status = subprocess.run(
                [*PRESERVE, *scenario.arguments(folder)], cwd=ROOT, capture_output=True, check=False
            ).returncode
            report.faults += _told(trial, "at the end", scenario.faults_at_the_end(folder, status))
    return report


def by_steps(scenario: Scenario, seed: int, *, every: int = 1) -> Report:
    """Kills the work before its first change of the file system, before its second, and so on to its last."""
    report, step = Report(), 1
    for module in (
        *("cli.main", "cli.bagging", "cli.progress", "ingest.packaging", "bag.making.copying", "bag.making.in_place"),
        *("cli.repairing", "app.repairs", "cli.catalog", "app.catalog_care", "app.rebuilds", "cli.removing"),
        *("app.removals", "cli.showing", "app.status"),
    ):
        import_module(f"preserve.{module}")  # once here, not in every child
    while True:
        rng = random.Random(seed)
        with _folder() as folder:
            scenario.prepare(folder, rng)
            status = _forked(scenario.arguments(folder), step)
            if status != -signal.SIGKILL:
                report.ended_first += 1
                report.faults += _told(step, "at the end", scenario.faults_at_the_end(folder, status))
                return report
            report.kills[scenario.stage(folder)] += 1
            report.faults += _told(step, "killed", scenario.faults_when_killed(folder))
            again = _forked(scenario.arguments(folder), 0)
            report.faults += _told(step, "at the end", scenario.faults_at_the_end(folder, again))
        step += every


def _told(trial: int, when: str, faults: list[str]) -> list[str]:
    return [f"{trial}, {when}: {fault}" for fault in faults]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="preserve-killing-") as folder:
        yield Path(folder)


def _measured(scenario: Scenario, rng: random.Random) -> tuple[float, float]:
    """When the work shows for the first time, and how long it takes when nobody disturbs it, in seconds."""
    with _folder() as folder:
        scenario.prepare(folder, rng)
        command, before = [*PRESERVE, *scenario.arguments(folder)], _shown(folder)
        begins, begun = None, time.perf_counter()
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said) as process,
        ):
            while process.poll() is None:
                if begins is None and _shown(folder) != before:
                    begins = time.perf_counter() - begun
                time.sleep(0.002)
            duration = time.perf_counter() - begun
            said.seek(0)
            assert process.returncode in (0, 1), said.read()  # 1: an audit of a damaged copy
        return begins or duration / 2, duration


def _shown(folder: Path) -> set[str]:
    """Names near the top: a catalog that is open has files beside it, work has its folder."""
    return {entry.path for above in (folder, *folder.iterdir()) if above.is_dir() for entry in os.scandir(above)}


def _took_unless_killed(arguments: Sequence[str], after: float) -> float | None:
    """None if it was killed; else how long it took to end by itself, in seconds."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [*PRESERVE, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return None if process.returncode == -signal.SIGKILL else time.perf_counter() - begun


def _forked(arguments: Sequence[str], step: int) -> int:
    """Runs the command in a child that kills itself before its `step`th change (0: never); its exit status."""
    child = os.fork()
    if child == 0:
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            if step:
                _kill_before(step)
            from preserve.cli.main import main

            os._exit(main(list(arguments)))
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


P = ParamSpec("P")
R = TypeVar("R")

_CHANGES = {
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.chmod", "os.truncate", "os.symlink"),
    "sqlite3.connect",  # it may make the file
}


def _kill_before(step: int) -> None:
    """From now on, every call that changes the file system counts; the `step`th is not reached any more."""
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in _CHANGES or (event == "open" and _writes(arguments)):
            count()

    sys.addaudithook(audit)
    _count_calls("preserve.bag.making.in_place", "rename_no_replace", count)
    _count_calls("preserve.bag.making.copying", "rename_no_replace", count)
    _count_calls("preserve.stores.quarantine", "rename_no_replace", count)
    _count_calls("preserve.stores.quarantine", "exchange", count)
    _count_calls("preserve.stores.staging", "rename_no_replace", count)
    _count_calls("preserve.stores.backups", "rename_no_replace", count)
    _count_calls("preserve.repair.deleting", "rename_no_replace", count)
    _count_calls("preserve.app.rebuilds", "rename_no_replace", count)
    # SQLite writes in its own code: what counts there is what lasts, so each of its transactions is one step.
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", lambda _: count())
    # Neither write(2) nor fsync(2) tells an audit hook.
    os.write = _counting(os.write, count)
    os.fsync = _counting(os.fsync, count)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _count_calls(module: str, name: str, count: Callable[[], None]) -> None:
    found = import_module(module)
    setattr(found, name, _counting(getattr(found, name), count))


def _counting(function: Callable[P, R], count: Callable[[], None]) -> Callable[P, R]:
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        count()
        return function(*args, **kwargs)

    return counted


# --- bags -------------------------------------------------------------------------------------------------------


@dataclass
class Bagging:
    """`preserve bag`, as a copy or in place, of a folder that has names like those of a bag's own files."""

    in_place: bool
    files: int = 60
    largest_bytes: int = 200_000
    originals: dict[int, tuple[str, str]] = field(default_factory=dict)  # inode -> (path, SHA-256)

    @property
    def name(self) -> str:
        return "in place" if self.in_place else "copy"

    def prepare(self, folder: Path, rng: random.Random) -> None:
        source = folder / "source"
        names = ["data/inner.txt", "manifest-sha256.txt", "bag-info.txt", "read.log", "sub/bagit.txt", "ខ្មែរ/ឯកសារ.txt"]
        names += [f"d{rng.randrange(5)}/e{rng.randrange(3)}/f{number}" for number in range(self.files)]
        self.originals.clear()
        for name in names:
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = rng.randbytes(rng.randrange(self.largest_bytes))
            path.write_bytes(content)
            self.originals[path.stat().st_ino] = (name, sha256(content).hexdigest())

    def arguments(self, folder: Path) -> Sequence[str]:
        to = ["--in-place"] if self.in_place else ["--to", str(folder / "made" / "bag")]
        return ["bag", str(folder / "source"), *to, "--premis", "summary", "--json"]

    def bag(self, folder: Path) -> Path:
        """Where the bag comes to stand."""
        return folder / "source" if self.in_place else folder / "made" / "bag"

    def stage(self, folder: Path) -> str:
        bag = self.bag(folder)
        work = bag / ".preserve-bagging" if self.in_place else bag.parent / ".bag.preserve-partial"
        if not work.exists():
            return "finished" if (bag / "bagit.txt").exists() else "not begun"
        if (bag / "bagit.txt").exists():
            return "taking the work folder away"
        markers = ("moving",) if self.in_place else ("whole", "read-back.log", "read.log")
        found = next((name for name in markers if (work / name).exists()), "reading" if self.in_place else "begun")
        if found == "moving":
            return "moving" if (work / "data").exists() else "placing tag files"
        if found == "reading" and (work / "tags").exists():
            return "writing tag files"
        if found == "read-back.log" and any(work.glob("bag/manifest-*")):
            return "writing tag files"
        return {"read.log": "copying", "read-back.log": "reading back"}.get(found, found)

    def faults_when_killed(self, folder: Path) -> list[str]:
        return [*self._source_faults(folder), *self._half_bags(folder)]

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        bag = self.bag(folder)
        faults = self._source_faults(folder)
        # Killed after its last step: then there is nothing left to do, and the bag is in its own way.
        if status not in (0, 2):
            faults.append(f"the rerun ended with {status}")
        if not (bag / "bagit.txt").is_file():
            return [*faults, "there is no bag"]
        faults += _invalid(bag)
        want = sorted(self.originals.values())
        have = sorted((name, _digest(bag / "data" / name)) for name in _files(bag / "data"))
        if have != want:
            faults.append("the payload is not what the source was")
        if [path for path in bag.parent.iterdir() if path != bag and path.name != "source"]:
            faults.append("something is left beside the bag")
        if (bag / ".preserve-bagging").exists():
            faults.append("the work folder is left in the bag")
        return faults

    def _source_faults(self, folder: Path) -> list[str]:
        """Every file of the source is there once, with its bytes (in place: wherever it has come to by now)."""
        source = folder / "source"
        seen: Counter[int] = Counter()
        faults = []
        for name in _files(source):
            inode = (source / name).stat().st_ino
            if inode in self.originals:
                seen[inode] += 1
                if _digest(source / name) != self.originals[inode][1]:
                    faults.append(f"{name}: its bytes were changed")
        faults += [f"{name}: {seen[inode]} times" for inode, (name, _) in self.originals.items() if seen[inode] != 1]
        if not self.in_place and len(_files(source)) != len(self.originals):
            faults.append("the source of a copy was changed")
        return faults

    def _half_bags(self, folder: Path) -> list[str]:
        """Every folder with a bagit.txt, staging folders too, is a valid bag (but the source's own `sub`)."""
        own = folder / "source"
        faults = []
        for path in folder.rglob("bagit.txt"):
            if path.parent.name != "sub":
                faults += [
                    f"{path.parent.relative_to(folder)} looks like a bag: {why}" for why in _invalid(path.parent)
                ]
        return faults if own.exists() else [*faults, "the source is gone"]


def _files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _invalid(bag: Path) -> list[str]:
    from preserve.bag.validating.validation import validate

    found = validate(os.fsencode(bag)).findings  # a warning, such as of our folder in it, makes no bag invalid
    return [f"{finding.code} {finding.path!r}" for finding in found if finding.outcome is not Outcome.PASS]


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "copy": lambda: Bagging(in_place=False),
    "in-place": lambda: Bagging(in_place=True),
    "replicate": Replicating,
    "audit": Auditing,
    "repair": Repairing,
    "restore": Restoring,
    "remove": Removing,
    "backup": BackingUp,
    "rebuild": Rebuilding,
    "rebuild-without-backups": lambda: Rebuilding(without_backups=True),
    "migration": Migrating,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="works to be killed, for each scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", action="store_true", help="before every step, instead of random moments")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="with --steps: before every Nth only")
    parser.add_argument("--scenario", choices=SCENARIOS, action="append")
    parser.add_argument("--files", type=int, help="in each source or package, instead of the scenario's own number")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    failed = False
    for name in asked.scenario or SCENARIOS:
        scenario = SCENARIOS[name]()
        if asked.files is not None and hasattr(scenario, "files"):
            scenario.files = asked.files
        begun = time.perf_counter()
        if asked.steps:
            report = by_steps(scenario, asked.seed, every=asked.every)
        else:
            report = by_time(scenario, asked.count, asked.seed)
        seconds = time.perf_counter() - begun
        failed = failed or bool(report.faults)
        if asked.json:
            print(json.dumps({"scenario": name, "kills": report.kills, "faults": report.faults}))
        else:
            kills, spread = sum(report.kills.values()), dict(sorted(report.kills.items()))
            print(f"{name}: {kills} kills {spread}, {report.ended_first} ended first, {seconds:.0f} s")
            print("\n".join(report.faults) or "no faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
