"""Power cuts after every call of a command: what may be on the disk then is made, judged, and worked on again.

As a script: `python -m tests.campaigns.powercut --states 10000 --seed 1`. A command is run once under strace; its calls
are done again on a model of a disk (`powercut_disk`), and after each of them the model is asked what may be found if
the power goes now. A small cut with a fixed seed is a test. Commands and judges are in `powercut_workloads`; `--bug`
seeds one that must be caught.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.campaigns.powercut_disk import Disk
from tests.campaigns.powercut_following import Follower
from tests.campaigns.powercut_names import LEFT_OUT
from tests.campaigns.powercut_recording import ROOT, Call, Run, Unfollowed, record
from tests.campaigns.powercut_trees import Tree, read_tree, write_tree
from tests.campaigns.powercut_work import Workload
from tests.campaigns.powercut_workloads import WORKLOADS
from tests.campaigns.seeded import BUGS

_MEMORY = "/dev/shm"  # where there is one: thousands of trees are written that nobody keeps
_OF_THE_END = 5  # states after the last call, for each round over all calls
_TRIES = 5  # to kill a run while no other thread is in a call
_FLUSHES = ("fsync", "fdatasync", "syncfs")


@dataclass(frozen=True, slots=True)
class State:
    """What may be found after the power was cut."""

    tree: Tree
    after: Call
    finished: bool


@dataclass
class Report:
    """What a campaign came to."""

    workload: str
    steps: int = 0  # calls that changed something or made it durable
    states: int = 0
    distinct: int = 0  # the others were found before, and are judged alike
    reruns: int = 0
    faults: list[str] = field(default_factory=list)
    first_fault: int | None = None  # states judged until then
    seconds: float = 0.0
    killed: str = ""  # where an earlier run was killed: before a flush, after a file's last change of name

    def take(self, state: State, faults: list[str]) -> None:
        if faults and self.first_fault is None:
            self.first_fault = self.states
        self.faults += [f"state {self.states}, after {state.after}: {fault}" for fault in faults]


def cut(
    workload: Workload,
    states: int,
    seed: int,
    *,
    bug: str | None = None,
    every: int = 20,
    to_first: bool = False,
    killed_at: tuple[str, int] | None = None,
) -> Report:
    """Cuts the power `states` times, spread evenly over the command's calls.

    Args:
        bug: of `tests.campaigns.seeded`, run in place of the program as it is.
        every: in every so many-th distinct state the same command is run again and must end its work; 0 for never.
        to_first: ends at the first fault.
        killed_at: a call, and how often it comes: before the last of these the command is first killed. What that run
            had not flushed is still so when the command is run again, and sees it, and may rely on it. The power is
            cut in that second run only.
    """
    report, begun = Report(workload.name), time.perf_counter()
    with TemporaryDirectory(prefix="preserve-powercut-", dir=_MEMORY if os.path.isdir(_MEMORY) else None) as made:
        folder = Path(made).resolve() / "recorded"
        before, runs = _recorded(workload, folder, _module(workload, bug), killed_at)
        if killed_at and runs[0].killed:
            report.killed = "before {} {}, after {}".format(*killed_at, _last_name(runs[0]))
        report.steps = _counted(before, runs, folder)
        judged: dict[int, list[str]] = {}
        share = min(1.0, states / (report.steps + _OF_THE_END))
        for state in islice(_states(before, runs, folder, random.Random(seed), share), states):
            known = len(judged)
            faults = _judged(state, workload, folder, judged)
            report.states += 1
            report.distinct = len(judged)
            if every and report.distinct > known and report.distinct % every == 0:
                report.reruns += 1
                faults = faults + _rerun(state, workload, folder)
            report.take(state, faults)
            if faults and to_first:
                break
    report.seconds = round(time.perf_counter() - begun, 1)
    return report


def _module(workload: Workload, bug: str | None = None) -> list[str]:
    """What is run in place of the program, or the program itself."""
    seeds = [*workload.variants, *([] if bug is None else [bug])]
    return ["tests.campaigns.seeded", ",".join(seeds)] if seeds else ["preserve"]


def _recorded(
    workload: Workload, folder: Path, module: list[str], killed_at: tuple[str, int] | None
) -> tuple[Tree, list[Run]]:
    """What stood there, and the command's run to its end; before it, if that is asked for, one that was killed."""
    arguments, log = workload.arguments(folder), folder.parent / "calls"
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        workload.prepare(folder)
        before = read_tree(folder, but=LEFT_OUT)
        first = record(module, arguments, log, killed_at=killed_at)
        if not first.killed:
            return before, [first]
        *_, (disk, _) = _replayed(before, [first], folder)
        if disk.live() == read_tree(folder, but=LEFT_OUT):
            begin = max(call.ended for call in first.calls)
            return before, [first, record(module, arguments, log, start=begin, ends=workload.ends)]
    raise Unfollowed("whenever it was killed, another thread was in a call whose end is not known")


def _last_name(run: Run) -> str:
    """The name that a file was given last."""
    renamed = next((call for call in reversed(run.calls) if call.name.startswith("rename")), None)
    if renamed is None:
        return "the beginning"
    named = [index for index, argument in enumerate(renamed.arguments) if '"' in argument]
    return os.fsdecode(os.path.basename(renamed.text(named[-1])))


def _replayed(before: Tree, runs: list[Run], folder: Path) -> Iterator[tuple[Disk, Call]]:
    """The disk after each call that changed something on it, or made something durable."""
    disk = Disk(before)
    for run in runs:
        follower = Follower(disk, os.fsencode(folder), os.fsencode(ROOT))
        for call in run.calls:
            if follower.take(call):
                yield disk, call


def _counted(before: Tree, runs: list[Run], folder: Path) -> int:
    """How many steps the last run has; Unfollowed if the model then differs from what is there: it missed something."""
    steps = list(_replayed(before, runs, folder))
    there, modelled = read_tree(folder, but=LEFT_OUT), steps[-1][0].live()
    if there != modelled:
        names = sorted(path for path in {*there, *modelled} if there.get(path, 0) != modelled.get(path, 0))
        raise Unfollowed(f"the model is not what the command left: {names[:5]}")
    return sum(call.ended >= _begin(runs) for _, call in steps)


def _begin(runs: list[Run]) -> int:
    """When the last run began."""
    return max((call.ended for run in runs[:-1] for call in run.calls), default=0)


def _states(before: Tree, runs: list[Run], folder: Path, rng: random.Random, share: float) -> Iterator[State]:
    """Without an end: one state after each step of the last run, some after it, and again from the beginning.

    Args:
        share: of these, evenly: fewer are wanted than there are steps.
    """
    begun, due = _begin(runs), 0.0
    ended = runs[-1].status == 0  # else it refused, and promised nothing
    while True:
        for disk, call in _replayed(before, runs, folder):
            if call.ended >= begun and (due := due + share) >= 1:
                due -= 1
                yield State(disk.survivor(rng), call, finished=False)
        for _ in range(_OF_THE_END):
            if (due := due + share) >= 1:
                due -= 1
                yield State(disk.survivor(rng), call, finished=ended)


def _judged(state: State, workload: Workload, folder: Path, judged: dict[int, list[str]]) -> list[str]:
    key = hash((frozenset(state.tree.items()), state.finished))
    if key not in judged:
        write_tree(state.tree, folder)
        judged[key] = workload.judge(folder, state.finished)
    return judged[key]


def _rerun(state: State, workload: Workload, folder: Path) -> list[str]:
    """What is wrong after the same command was run again in a state."""
    write_tree(state.tree, folder)
    workload.before_rerun(folder)
    command = [sys.executable, "-m", *_module(workload), *workload.arguments(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    faults = [f"after a rerun: {fault}" for fault in workload.judge_rerun(folder)]
    if done.returncode not in workload.ends:
        faults.append(f"a rerun ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-500:]}")
    return faults


def _reports(asked: argparse.Namespace) -> Iterator[Report]:
    for name in asked.workload or WORKLOADS:
        for call in _FLUSHES if asked.killed else (None,):
            for times in count(1):
                killed_at = None if call is None else (call, times)
                report = cut(
                    WORKLOADS[name](),
                    asked.states,
                    asked.seed,
                    bug=asked.bug,
                    every=asked.every,
                    to_first=bool(asked.bug),
                    killed_at=killed_at,
                )
                yield report
                if not report.killed:
                    break  # all of it was asked for, or it does not flush so often


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=3334, help="for each workload")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workload", choices=WORKLOADS, action="append")
    parser.add_argument("--bug", choices=BUGS, help="run the program with this bug; ends at the first fault")
    parser.add_argument("--every", type=int, default=20, help="run it again in every so many-th distinct state")
    parser.add_argument("--killed", action="store_true", help="cut the second run, after one killed at each flush")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    failed = False
    for report in _reports(asked):
        failed = failed or bool(report.faults)
        if asked.json:
            print(json.dumps(vars(report)), flush=True)
        else:
            print({**vars(report), "faults": len(report.faults)})
            print("\n".join(report.faults[:20]) or "no faults", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
