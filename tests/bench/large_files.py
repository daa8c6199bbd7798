"""Large files against openssl in one run, and one thread against two.

`python -m tests.bench.large_files [--files 200] [--bytes 8388608] [--repeat 5]`. What 200 more files cost in CPU is
compared with what they cost `openssl dgst -sha256`, so that neither program's start counts. Wall time of one and of two
threads stands beside what the machine could give just then: one openssl over all files, two over half of them each.
Figures are medians; the cache is warm. Trust ratios, not absolutes.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.bags import OURS, cost, create, plant

_THREADS = """
import os, sys
from preserve.bag.validating.validation import validate
found = validate(os.fsencode(sys.argv[1]), threads=int(sys.argv[2]))
sys.exit(found.verdict != "valid")
"""


def openssl(files: Sequence[Path]) -> float:
    """CPU seconds of one openssl over these files."""
    return cost([_openssl(), "dgst", "-sha256", *map(str, files)]).cpu_seconds


def ours(bag: Path) -> float:
    """CPU seconds of one `preserve validate`."""
    return cost([*OURS, "validate", str(bag)]).cpu_seconds


def threads(bag: Path, count: int) -> float:
    """Wall seconds of a validation with that many threads, in a process of its own."""
    return cost([sys.executable, "-c", _THREADS, str(bag), str(count)]).wall_seconds


def side_by_side(files: Sequence[Path], count: int) -> float:
    """Wall seconds of that many processes of openssl, each over its share: what the machine gives."""
    parts = [threading.Thread(target=openssl, args=(files[n::count],)) for n in range(count)]
    begun = time.perf_counter()
    for part in parts:
        part.start()
    for part in parts:
        part.join()
    return time.perf_counter() - begun


def compare_cpu(bags: Sequence[Path], files: Sequence[Sequence[Path]], repeat: int) -> None:
    """Prints what the first and the second half of the files cost, theirs and ours."""
    taken: dict[str, list[float]] = {"first": [], "first ours": [], "both": [], "both ours": []}
    for _ in range(repeat):
        taken["first"].append(openssl(files[0]))
        taken["first ours"].append(ours(bags[0]))
        taken["both"].append(openssl(files[1]))
        taken["both ours"].append(ours(bags[1]))
    middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
    more = middle["both"] - middle["first"], middle["both ours"] - middle["first ours"]
    for label, a, b in (
        (f"{len(files[0])} files", middle["first"], middle["first ours"]),
        (f"{len(files[1])} files", middle["both"], middle["both ours"]),
        (f"{len(files[1]) - len(files[0])} more", *more),
    ):
        print(f"cpu   {label:12} {a:7.2f} -> {b:7.2f} ({b / a:4.2f})", flush=True)


def compare_threads(bag: Path, files: Sequence[Path], repeat: int) -> None:
    """Prints wall time on one thread and on two, ours and the machine's."""
    taken: dict[tuple[str, int], list[float]] = {}
    ways: dict[str, Callable[[int], float]] = {
        "preserve": lambda count: threads(bag, count),
        "openssl": lambda count: side_by_side(files, count),
    }
    for _ in range(repeat):
        for name, run in ways.items():
            for count in (1, 2):
                taken.setdefault((name, count), []).append(run(count))
    for name in ways:
        one, two = (statistics.median(taken[name, count]) for count in (1, 2))
        print(f"wall  {name:12} {one:7.2f} -> {two:7.2f} (two are {one / two:4.2f} times as fast as one)", flush=True)


def _openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        raise SystemExit("openssl is not installed; it is what preserve is measured against")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200, help="in the smaller bag; the other has twice as many")
    parser.add_argument("--bytes", type=int, default=8 << 20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", help="where to work; the system's temporary folder if none")
    asked = parser.parse_args()
    _openssl()
    print("openssl dgst -sha256 -> preserve validate (ratio): CPU seconds; one thread -> two: wall seconds")
    with tempfile.TemporaryDirectory(prefix="preserve-bench-", dir=asked.folder) as folder:
        bags, files = [Path(folder) / "first", Path(folder) / "both"], []
        for bag, count in zip(bags, (asked.files, 2 * asked.files), strict=True):
            plant(bag, count, asked.bytes)
            create(bag, ("sha256",), ours=True)
            files.append(sorted((bag / "data").rglob("*.bin")))
        compare_cpu(bags, files, asked.repeat)
        compare_threads(bags[1], files[1], asked.repeat)
    return 0


if __name__ == "__main__":
    sys.exit(main())
