"""Outages of a disk, a bucket and a server while `preserve` works: nothing false is told, nothing is made worse.

As a script: `python -m tests.campaigns.outages --count 200 --seed 1`. A small cut with a fixed seed is a test. Each
trial runs one command as a process, makes one trouble at a random byte or moment, judges what is there then, ends the
trouble, runs the same command again and judges the end. A bucket and a server are real ones, behind lines that count.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.outages_judging import Judge
from tests.campaigns.outages_places import Trouble
from tests.campaigns.outages_work import COMMANDS, Work

_MOST_SECONDS = 150.0  # for a command: a request that hangs is given up after 60
_OF_THE_PROCESS = "the process itself is killed"


@dataclass(frozen=True, slots=True)
class Trial:
    """What was tried and what came of it."""

    command: str
    place: str
    kind: str
    happened: bool  # while the command still ran
    status: int
    seconds: float
    faults: tuple[str, ...]


@dataclass
class Report:
    """What a campaign came to, and what went wrong: nothing, it is hoped."""

    trials: list[Trial] = field(default_factory=list)
    sent_bytes: list[tuple[int, int]] = field(default_factory=list)  # (again, what was missing), of resumed copies
    seconds: float = 0

    @property
    def faults(self) -> list[str]:
        return [f"{each.command}, {each.place}: {each.kind}: {fault}" for each in self.trials for fault in each.faults]

    def rows(self) -> list[tuple[str, object]]:
        """For a table."""
        statuses = Counter((each.command, each.status) for each in self.trials)
        kinds = Counter((each.command, f"{each.place}: {each.kind}") for each in self.trials)
        again, missing = (sum(each) for each in zip(*self.sent_bytes, strict=True)) if self.sent_bytes else (0, 0)
        return [
            ("trials", len(self.trials)),
            ("of them with the trouble while it ran", sum(each.happened for each in self.trials)),
            *((f"{command}: exit status {status}", count) for (command, status), count in sorted(statuses.items())),
            *((f"{command}; {kind}", count) for (command, kind), count in sorted(kinds.items())),
            ("longest command, seconds", round(max((each.seconds for each in self.trials), default=0))),
            ("copies that were gone on with", len(self.sent_bytes)),
            ("bytes missing of them", missing),
            ("bytes sent for them", again),
            ("seconds", round(self.seconds)),
            ("faults", len(self.faults)),
        ]


def campaign(
    folder: Path,
    *,
    count: int,
    seed: int,
    film_bytes: int = 12 << 20,
    only: tuple[str, ...] = (),
    most_seconds: float = float("inf"),
    tell: Callable[[Trial], object] = lambda _: None,
) -> Report:
    """So many trials, all commands and troubles in turn; none is begun after `most_seconds`. `only`: of these commands.

    Args:
        film_bytes: of the large file; from 8 MiB on, a file that is cut off is gone on with.
        tell: is given each trial when it has ended.
    """
    rng, report, begun = random.Random(seed), Report(), time.monotonic()
    with ExitStack() as held:
        work = Work(folder, held, rng, film_bytes)
        judge = Judge(work)
        for command, (place, kind) in itertools.islice(_all(work, rng, only or tuple(COMMANDS)), count):
            if time.monotonic() - begun > most_seconds:
                break
            trial = _tried(work, judge, rng, report, command, place, kind)
            report.trials.append(trial)
            tell(trial)
    report.seconds = time.monotonic() - begun
    return report


def _all(work: Work, rng: random.Random, commands: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, str]]]:
    kinds = [(place, kind) for place, one in work.places.items() for kind in one.troubles()]
    kinds += [(place, _OF_THE_PROCESS) for place in ("bucket", "server")]
    pairs = list(itertools.product(commands, kinds))
    while True:
        rng.shuffle(pairs)
        yield from pairs


def _tried(work: Work, judge: Judge, rng: random.Random, report: Report, command: str, place: str, kind: str) -> Trial:
    work.calm(command)
    work.restore(COMMANDS[command].before)
    judge.begin(command)
    process = work.start(command)
    trouble = Trouble(process.kill, lambda: None) if kind == _OF_THE_PROCESS else work.places[place].troubles()[kind]
    begun = time.monotonic()
    happened = work.wait_for_moment(process, place, rng.random(), command)
    faults: list[str] = []
    if happened:
        trouble.begin()
    work.go_on()
    if happened and trouble.passes:
        work.ends_within(process, rng.uniform(0.2, 3))
        faults += _ended(trouble)
    if not work.ends_within(process, _MOST_SECONDS):
        faults.append(f"did not end within {_MOST_SECONDS:g} seconds")
        process.kill()
        process.wait()
    seconds = time.monotonic() - begun
    status, told = process.returncode, work.told()
    faults += judge.of_the_end(status, told, killed=kind == _OF_THE_PROCESS and happened)
    if happened and not trouble.passes:
        faults += _ended(trouble)
    faults += judge.of_what_stands()
    if command == "replicate":
        missing = {name: judge.missing_bytes(name) for name in ("bucket", "server")}
        work.begin_counting()
    faults += work.must_succeed(*COMMANDS[command].arguments)
    if command == "replicate":
        for name, count in missing.items():
            report.sent_bytes.append((sent := work.places[name].line.bytes["up"], count))
            if sent > count * 1.1 + (1 << 20):
                faults.append(f"{sent} bytes were sent to the {name} again, and {count} were missing there")
    faults += judge.of_peace()
    if faults:
        faults.append(f"the command had ended with {status}: {told[-600:]}")
    return Trial(command, place, kind, happened, status, seconds, tuple(faults))


def _ended(trouble: Trouble) -> list[str]:
    try:
        trouble.end()
    except AssertionError as error:
        return [str(error)]
    return []


def _tell(trial: Trial) -> None:
    what = f"{trial.command}, {trial.place}: {trial.kind}"
    print(f"{what}: exit status {trial.status} after {trial.seconds:.1f} seconds", file=sys.stderr)
    for fault in trial.faults:
        print(f"FAULT {what}: {fault}", file=sys.stderr, flush=True)


def main() -> int:
    """The campaign as a script; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="after which no trial is begun")
    parser.add_argument("--only", action="append", choices=list(COMMANDS), default=[], help="this command; repeatable")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="preserve-outages-") as name:
        report = campaign(
            Path(name),
            count=given.count,
            seed=given.seed,
            only=tuple(given.only),
            most_seconds=given.seconds,
            tell=_tell,
        )
    if given.json:
        print(json.dumps(dict(report.rows()), indent=2))
    else:
        for what, count in report.rows():
            print(f"{what:<60}{count:>12}")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
