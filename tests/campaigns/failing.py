"""System calls that fail: EIO, ENOSPC, EACCES, short reads and writes at every nth call; then the same command again.

As a script: `python -m tests.campaigns.failing --count 800 --seed 1`, or `--all` for every call and errno there is. A
small cut with a fixed seed is a test. What is judged is in `tests.campaigns.failing_works`, for each work; and here,
for all of them: nothing unread is called good, the message names the cause, the same command ends the work.
"""

import argparse
import errno
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.campaigns.calls import EACCES, EIO, ENOSPC, SHORT, Call
from tests.campaigns.failing_works import WORKS, Work, document_of
from tests.campaigns.intercepting import Ended, run, why_not

_MODULES = (
    *("cli.main", "cli.bagging", "cli.holdings", "cli.auditing", "cli.progress", "cli.output", "cli.ending"),
    *("ingest.packaging", "bag.making.copying", "bag.making.in_place"),
    *("app.audits", "app.audit_views", "app.holdings", "app.lines"),
    *("app.bag_views", "app.workspace", "app.repairs", "cli.repairing"),
)
# How a cause may be told: in the system's words, by its short name, or in ours.
_WORDS = {
    ENOSPC: ("disk is full", "No space left on device"),
    EIO: ("EIO", "Input/output error", "is not readable"),
    EACCES: ("EACCES", "Permission denied", "is not readable"),
}
_SAID_OF = {"access": ("cannot be written to",)}  # Python does not hand on why
_MADE = "preserve-failing-"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to fail: the `nth` call of that name for which the error makes sense.

    A lasting one goes on: where the disk is full, all that needs room; else all calls of that name on that path.
    """

    call: str
    nth: int
    error: int
    lasting: bool

    def __str__(self) -> str:
        name = errno.errorcode.get(self.error, "short")
        return f"{name} at {self.call} {self.nth}{' and from then on' if self.lasting else ''}"


class Injecting:
    """Decides of each call whether it fails; see `tests.campaigns.intercepting`."""

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self.seen: list[Call] = []
        self.hit: Call | None = None
        self.tried_again = False
        self._counted = 0

    def __call__(self, call: Call) -> int | None:
        self.seen.append(call)
        if self._fault is None or self._fault.error not in call.errors():
            return None
        if self.hit is not None:
            return self._after(call, self.hit, self._fault)
        self._counted += call.name == self._fault.call
        if call.name != self._fault.call or self._counted < self._fault.nth:
            return None
        self.hit = call
        return self._fault.error

    def _after(self, call: Call, hit: Call, fault: Fault) -> int | None:
        same = (call.name, call.path) == (hit.name, hit.path)
        if not fault.lasting:
            self.tried_again = self.tried_again or same
            return None
        return fault.error if same or fault.error in (ENOSPC, SHORT) else None


@dataclass
class Report:
    """What a campaign came to: what was injected, how often a call was there to fail, and what went wrong."""

    work: str
    calls: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def campaign(work: Work, *, count: int | None, seed: int) -> Report:
    """Counts the calls of an undisturbed run, then lets `count` of them fail (None: each, once and lasting)."""
    for module in _MODULES:
        import_module(f"preserve.{module}")  # once here, not in every child
    report = Report(work.name)
    undisturbed = Injecting(None)
    with tempfile.TemporaryDirectory(prefix=_MADE) as folder:
        work.prepare(Path(folder))
        ended = _run(work, Path(folder), undisturbed)
        report.faults += _judged(work, Path(folder), ended, None, undisturbed)
    report.calls = len(undisturbed.seen)
    for fault in _chosen(undisturbed.seen, count, random.Random(seed)):
        report.faults += [f"{fault}: {told}" for told in _trial(work, fault, report)]
    return report


def _chosen(seen: Iterable[Call], count: int | None, rng: random.Random) -> Sequence[Fault]:
    """All faults there can be, or `count` of them: of each pair of a call and an error in turn."""
    counted: Counter[tuple[str, int]] = Counter()
    queues: dict[tuple[str, int], list[Fault]] = {}
    for call in seen:
        for error in call.errors():
            counted[call.name, error] += 1
            nth = counted[call.name, error]
            # SQLite tries half a minute for a lock that it never gets: once is enough.
            ways = (False,) if call.name == "fcntl" else (False, True)
            queues.setdefault((call.name, error), []).extend(Fault(call.name, nth, error, each) for each in ways)
    if count is None:
        return [fault for queue in queues.values() for fault in queue]
    chosen: list[Fault] = []
    for queue in queues.values():
        rng.shuffle(queue)
    while queues and len(chosen) < count:
        chosen += [queue.pop() for queue in queues.values()]
        queues = {key: queue for key, queue in queues.items() if queue}
    rng.shuffle(chosen)
    return chosen[:count]


def _trial(work: Work, fault: Fault, report: Report) -> list[str]:
    name = errno.errorcode.get(fault.error, "short")
    report.injected[name] += 1
    with tempfile.TemporaryDirectory(prefix=_MADE) as made:
        folder = Path(made)
        work.prepare(folder)
        injecting = Injecting(fault)
        ended = _run(work, folder, injecting)
        report.statuses[ended.status] += 1
        if injecting.hit is None:
            return [f"never came to it: {told}" for told in _judged(work, folder, ended, None, injecting)]
        report.hit[name] += 1
        faults = _judged(work, folder, ended, fault, injecting)
        again = _run(work, folder, Injecting(None))
        faults += [f"again: {told}" for told in _judged(work, folder, again, None, Injecting(None))]
        return [f"{injecting.hit.path}: {told} [{_in_short(ended)}]" for told in faults]


def _run(work: Work, folder: Path, injecting: Injecting) -> Ended:
    def command() -> int:
        from preserve.cli.main import main

        status = main(list(arguments))
        sys.stdout.flush()
        return status

    arguments = work.arguments(folder)
    return run(command, injecting, os.fspath(folder))


def _judged(work: Work, folder: Path, ended: Ended, fault: Fault | None, injecting: Injecting) -> list[str]:
    """What should not be, by the work's own judgement and by what holds for all."""
    faults = _ending_faults(ended)
    if fault is not None and injecting.hit is not None:
        faults += _telling_faults(ended, fault, injecting.hit)
        unread = fault.error != SHORT and work.must_read(injecting.hit) and not injecting.tried_again
        if ended.status == 0 and unread:
            faults.append(f"0 although {injecting.hit.name} failed and was not tried again")
        if ended.status != 0 and fault.error == SHORT:
            faults.append(f"{ended.status} although a short {injecting.hit.name} is no error")
    try:
        hit = None if fault is None else injecting.hit
        return faults + work.judge(folder, ended.status, document_of(ended.stdout), ended.stderr, hit)
    except Exception as error:  # noqa: BLE001 - such as a catalog that cannot be opened any more
        return [*faults, f"cannot be judged: {type(error).__name__}: {error}"]


def _ending_faults(ended: Ended) -> list[str]:
    faults = [f"{word!r} on standard error" for word in ("Traceback", "internal error") if word in ended.stderr]
    if ended.status not in (0, 2, 3):
        faults.append(f"it ended with {ended.status}")  # 1 would be damage, and there is none
    document = document_of(ended.stdout)
    outcome = document.get("outcome") if isinstance(document, dict) else None
    if (outcome == "pass") is not (ended.status == 0):
        faults.append(f"the outcome {outcome} and the exit status {ended.status}")
    return faults


def _telling_faults(ended: Ended, fault: Fault, hit: Call) -> list[str]:
    """Whether what did not end well says why, and of which file."""
    if ended.status == 0 or fault.error == SHORT:
        return []
    told = ended.stdout + ended.stderr
    named = any(word in told for word in (*_WORDS[fault.error], *_SAID_OF.get(hit.name, ())))
    if fault.error == ENOSPC and fault.lasting and named:
        return []  # whichever file came last to ask for room
    if hit.path.startswith("catalog.sqlite"):
        return _catalog_faults(told, fault, hit)
    faults = [] if named else ["the cause is not named"]
    # The file itself, or the folder in which what was to be done was not done.
    parts = Path(hit.path).parts or (_MADE,)  # empty: the folder of the trial itself
    near = [part for part in parts[-3:-1] if part != "data"] + [parts[-1]]
    near += [part for part in parts if part in (".preserve-bagging", ".bag.preserve-partial")]
    near += ["the copy's own folder"] if parts[-2:-1] == ("staging",) else []
    return faults if any(part in told for part in near) else [*faults, "the path is not named"]


def _catalog_faults(told: str, fault: Fault, hit: Call) -> list[str]:
    """SQLite keeps the errno to itself, but for a full disk when it writes."""
    full = (fault.error, hit.name) == (ENOSPC, "pwrite64") and not hit.path.endswith("-shm")
    faults = ["a full disk is not named"] if full and "disk is full" not in told else []
    return faults if "catalog.sqlite" in told else [*faults, "the catalog is not named"]


def _in_short(ended: Ended) -> str:
    document = document_of(ended.stdout)
    error = document.get("error") if isinstance(document, dict) else None
    said = " ".join((ended.stderr or str(error or ended.stdout)).split())
    return f"{ended.status}: {said[-300:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="faults for each work")
    parser.add_argument("--all", action="store_true", help="every call with every error, once and lasting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", choices=WORKS, action="append")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    failed = False
    for name in asked.work or WORKS:
        begun = time.monotonic()
        report = campaign(WORKS[name](), count=None if asked.all else asked.count, seed=asked.seed)
        failed = failed or bool(report.faults)
        if asked.json:
            print(json.dumps(vars(report)), flush=True)
            continue
        hit = f"{report.hit.total():,} of {report.injected.total():,} faults hit {dict(report.hit)}"
        print(f"{report.work}: {report.calls:,} calls; {hit}; ended {dict(report.statuses)}; ", end="")
        print(f"{len(report.faults)} wrong, {time.monotonic() - begun:.0f} s", flush=True)
        print("\n".join(f"    {line}" for line in report.faults))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
