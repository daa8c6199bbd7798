"""Bags against bagit-python in one run: CPU, wall time and peak memory of whole processes, and the ratios.

`python -m tests.bench.bags [--small-files 20000] [--large-files 200] [--many-files 300000] [--repeat 3]`. Figures are
medians; the cache is warm. Trust ratios, not absolutes.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = (sys.executable, "-m", "preserve")
THEIRS = (sys.executable, str(Path(sys.executable).with_name("bagit.py")), "--quiet")
_SETS = (("sha256",), ("sha256", "sha512"))


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


def cost(command: Sequence[str]) -> Cost:
    """Runs a command to its end; RuntimeError if it fails."""
    begun = time.perf_counter()
    child = os.posix_spawn(
        command[0],
        list(command),
        {**os.environ, "PYTHONPATH": str(ROOT)},
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
    )
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"failed: {command}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - begun, usage.ru_maxrss * 1024)


def median(costs: Sequence[Cost]) -> Cost:
    """Of each figure by itself."""
    return Cost(
        statistics.median(c.cpu_seconds for c in costs),
        statistics.median(c.wall_seconds for c in costs),
        int(statistics.median(c.peak_bytes for c in costs)),
    )


def plant(folder: Path, files: int, size_bytes: int) -> None:
    """Files in folders of a hundred. In a child: the memory of whoever starts a process counts in that one's peak."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    rng = random.Random(files)
    for number in range(files):
        path = folder / f"{number // 100:05d}" / f"file-{number:08d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size_bytes))
    os._exit(0)


def create(folder: Path, algorithms: Sequence[str], *, ours: bool) -> Cost:
    """Makes the folder a bag."""
    if ours:
        named = [part for algorithm in algorithms for part in ("--algorithm", algorithm)]
        return cost([*OURS, "bag", str(folder), "--in-place", "--premis", "summary", *named])
    return cost([*THEIRS, *(f"--{algorithm}" for algorithm in algorithms), str(folder)])


def validate(folder: Path, *, ours: bool) -> Cost:
    """Validates the bag."""
    return cost([*OURS, "validate", str(folder)] if ours else [*THEIRS, "--validate", str(folder)])


def compare(work: Path, label: str, files: int, size_bytes: int, algorithms: Sequence[str], repeat: int) -> None:
    """Prints create and validate, theirs, ours, and the ratios. Each validates its own bag."""
    taken: dict[tuple[str, bool], list[Cost]] = {}
    source = work / "source"
    plant(source, files, size_bytes)
    for _ in range(repeat):
        for ours in (False, True):
            bag = work / "bag"
            shutil.copytree(source, bag)
            taken.setdefault(("create", ours), []).append(create(bag, algorithms, ours=ours))
            taken.setdefault(("validate", ours), []).append(validate(bag, ours=ours))
            shutil.rmtree(bag)
    shutil.rmtree(source)
    for what in ("create", "validate"):
        theirs, ours_ = median(taken[what, False]), median(taken[what, True])
        print(f"{label:18} {'+'.join(algorithms):14} {what:9}", end="")
        for name in ("cpu_seconds", "wall_seconds", "peak_bytes"):
            unit = 1 << 20 if name == "peak_bytes" else 1
            a, b = getattr(theirs, name) / unit, getattr(ours_, name) / unit
            print(f"  {name.partition('_')[0]:4} {a:7.2f} -> {b:7.2f} ({b / a:4.2f})", end="")
        print(flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small-files", type=int, default=20_000)
    parser.add_argument("--small-bytes", type=int, default=4096)
    parser.add_argument("--large-files", type=int, default=200)
    parser.add_argument("--large-bytes", type=int, default=8 << 20)
    parser.add_argument("--many-files", type=int, default=300_000, help="0: leave out")
    parser.add_argument("--many-bytes", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", help="where to work; the system's temporary folder if none")
    asked = parser.parse_args()
    print("bagit-python -> preserve (ratio): seconds, seconds, MiB")
    with tempfile.TemporaryDirectory(prefix="preserve-bench-", dir=asked.folder) as folder:
        work = Path(folder)
        for files, size in ((asked.small_files, asked.small_bytes), (asked.large_files, asked.large_bytes)):
            for algorithms in _SETS if files else ():
                compare(work, f"{files} x {size}", files, size, algorithms, asked.repeat)
        if asked.many_files:
            compare(work, f"{asked.many_files} x {asked.many_bytes}", asked.many_files, asked.many_bytes, _SETS[0], 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
