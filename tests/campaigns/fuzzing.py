"""Wrong bags by the hundred a second, and large ones: each must end in a verdict, in bounded time and memory.

As a script: `python -m tests.campaigns.fuzzing --minutes 20 --seed 1`; one input again, here and now:
`python -m tests.campaigns.fuzzing --again KIND:SEED`. A small cut with a fixed seed is a test.

Of every input: no exception but `PreserveError`, and of damage none at all; no hang (10 seconds); no more than 512 MiB;
outcome and exit status as the tables say; findings that go into strict JSON, are sentences, and are the same twice; and
no pass without the digest of every payload file in a manifest.
"""

import argparse
import itertools
import os
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.campaigns.fuzzing_bags import KINDS, WEIGHTS
from tests.campaigns.fuzzing_giants import GIANTS
from tests.campaigns.fuzzing_workers import Case, Done, run_case, run_cases


@dataclass
class Report:
    """What a campaign came to."""

    tried: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: int = 0
    slowest: dict[str, Done] = field(default_factory=dict)  # by kind
    largest: dict[str, Done] = field(default_factory=dict)
    faults: list[Done] = field(default_factory=list)

    def add(self, done: Done) -> None:
        kind = done.case.kind
        self.tried[kind] += 1
        self.outcomes[done.judged.outcome] += 1
        self.findings += done.judged.findings
        if kind not in self.slowest or done.seconds > self.slowest[kind].seconds:
            self.slowest[kind] = done
        if kind not in self.largest or done.peak_bytes > self.largest[kind].peak_bytes:
            self.largest[kind] = done
        if done.judged.fault:
            self.faults.append(done)


def small_cases(seed: int) -> Iterator[Case]:
    """Without end, of all kinds."""
    rng = Random(seed)
    kinds = list(KINDS)
    for number in itertools.count():
        yield Case(rng.choices(kinds, WEIGHTS)[0], seed * 1_000_000_000 + number)


def giant_cases(names: Iterable[str] = GIANTS) -> Iterator[Case]:
    """Each once; nothing in them is drawn."""
    return (Case(name, 0) for name in names)


def campaign(cases: Iterable[Case], *, workers: int = 2, told: Callable[[Report, Done], None] | None = None) -> Report:
    """Judges all cases; `told` hears of each, while what is faulty still lies on the disk."""
    report = Report()
    for done in run_cases(iter(cases), workers=workers):
        report.add(done)
        if told is not None:
            told(report, done)
    return report


def _until(cases: Iterator[Case], end: float) -> Iterator[Case]:
    return itertools.takewhile(lambda _: time.monotonic() < end, cases)


def _show(report: Report, seconds: float) -> None:
    kinds = sorted(report.tried, key=lambda kind: (kind in GIANTS, list(KINDS).index(kind) if kind in KINDS else 0))
    print(f"{'kind':52} {'inputs':>8} {'slowest':>9} {'memory':>8}")
    for kind in kinds:
        slow, large = report.slowest[kind], report.largest[kind]
        print(f"{kind:52} {report.tried[kind]:8,} {slow.seconds:7.2f} s {large.peak_bytes >> 20:4} MiB")
    total = report.tried.total()
    print(
        f"{total:,} inputs in {seconds:.0f} s ({total / max(seconds, 0.1):.0f} a second), {report.findings:,} findings"
    )
    print("outcomes:", ", ".join(f"{name} {number:,}" for name, number in report.outcomes.most_common()))
    print(f"{len(report.faults)} faults")
    for reason, number in Counter(_last(done) for done in report.faults).most_common():
        print(f"{number:6,}  {reason}")


def _last(done: Done) -> str:
    return f"{done.case.kind}: {(done.judged.fault.strip().splitlines() or ['?'])[-1][:200]}"


def _again(text: str) -> int:
    kind, _, seed = text.rpartition(":")
    with tempfile.TemporaryDirectory() as room:
        done = run_case(Case(kind, int(seed)), os.fsencode(room))
    print(done.judged.fault or f"{done.judged.outcome}, {done.seconds:.2f} s, {done.peak_bytes >> 20} MiB")
    return 1 if done.judged.fault else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--kinds", nargs="*", help="only these, small or giant")
    parser.add_argument("--no-giants", action="store_true")
    parser.add_argument("--saved", type=Path, default=Path("fuzzing-faults"), help="where inputs with faults are kept")
    parser.add_argument("--again", metavar="KIND:SEED")
    arguments = parser.parse_args()
    if arguments.again:
        return _again(arguments.again)

    def told(report: Report, done: Done) -> None:
        if done.judged.fault and len(report.faults) <= 50:
            print(f"FAULT {done.case.kind}:{done.case.seed}\n{done.judged.fault}", flush=True)
            _save(done, arguments.saved)

    began = time.monotonic()
    small = (c for c in small_cases(arguments.seed) if not arguments.kinds or c.kind in arguments.kinds)
    asked = [name for name in GIANTS if not arguments.kinds or name in arguments.kinds]
    giants = [] if arguments.no_giants else list(giant_cases(asked))
    cases = itertools.chain(giants, _until(small, began + arguments.minutes * 60))
    report = campaign(cases, workers=arguments.workers, told=told)
    _show(report, time.monotonic() - began)
    return 1 if report.faults else 0


def _save(done: Done, saved: Path) -> None:
    """Keeps what the input was, and what was wrong; a giant can be made again and is not kept."""
    name = os.fsdecode(os.path.basename(done.folder))
    saved.mkdir(parents=True, exist_ok=True)
    (saved / f"{name}.txt").write_text(f"--again '{done.case.kind}:{done.case.seed}'\n{done.judged.fault}\n", "utf-8")
    if done.case.kind not in GIANTS:
        with tarfile.open(saved / f"{name}.tar", "w") as archive:  # keeps FIFOs and links as they are
            archive.add(os.fsdecode(done.folder), arcname=name)


if __name__ == "__main__":
    sys.exit(main())
