"""Worker processes that make and judge inputs: forked from a warm parent, measured, and killed when they hang.

The parent is a process of its own: whoever runs the campaign may have read much into memory, and have threads.
"""

import multiprocessing
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from random import Random

from tests.campaigns.fuzzing_bags import KINDS
from tests.campaigns.fuzzing_giants import GIANTS
from tests.campaigns.fuzzing_judging import Judged, judge

LIMIT_SECONDS = 10.0  # of the clock, for a small input and all that is done with it
GIANT_SECONDS = 40.0  # of the processor, for one validation: a million of anything, 40 microseconds each
LIMIT_BYTES = 512 << 20
_BACKSTOP_BYTES = 3 << 30  # of address space, of which threads and malloc reserve much that they never use
_LOOKING_SECONDS = 240.0  # of the clock, for a giant whose many findings are gone through again and again
_MAKERS = {**KINDS, **GIANTS}


@dataclass(frozen=True, slots=True)
class Case:
    """One input: all of it follows from its kind and its seed."""

    kind: str
    seed: int


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a case. `seconds` are the processor's in one validation, `peak_bytes` the process's memory at most.

    `folder` holds the input; it is there only where there is a fault, and until the next case is asked for.
    """

    case: Case
    judged: Judged
    seconds: float
    peak_bytes: int
    folder: bytes


def _folder_for(room: bytes, case: Case) -> bytes:
    return os.path.join(room, b"%s-%d" % ("".join(c if c.isalnum() else "-" for c in case.kind).encode(), case.seed))


def run_case(case: Case, room: bytes, begun: Callable[[], None] = lambda: None) -> Done:
    """Makes and judges one input in this process; its folder stays where there is a fault."""
    folder = _folder_for(room, case)
    rng = Random(f"{case.kind}/{case.seed}")
    os.mkdir(folder)
    subject = _MAKERS[case.kind](rng, folder)
    begun()
    _forget_peak()
    judged = judge(subject, rng, thorough=False if case.kind in GIANTS else None)
    seconds, peak = judged.cpu_seconds, _peak_bytes()
    if not judged.fault and peak > LIMIT_BYTES:
        judged = Judged("fault", judged.findings, f"{peak >> 20} MiB of memory")
    if not judged.fault and seconds > (GIANT_SECONDS if case.kind in GIANTS else LIMIT_SECONDS):
        judged = Judged("fault", judged.findings, f"{seconds:.1f} seconds of the processor")
    if not judged.fault:
        _remove(folder)
    return Done(case, judged, seconds, peak, folder)


def _remove(folder: bytes) -> None:
    """Takes it away, however deep: the standard library's way ends at a thousand folders."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        subprocess.run(["rm", "-rf", "--", folder], check=False)


def _forget_peak() -> None:
    """The kernel's high-water mark begins anew."""
    with suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _peak_bytes() -> int:
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _work(link: Connection, room: bytes) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_BACKSTOP_BYTES, _BACKSTOP_BYTES))
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    with suppress(EOFError, BrokenPipeError):
        while True:
            link.send(run_case(link.recv(), room, lambda: link.send(None)))


class _Worker:
    """One process and the case that it is at."""

    def __init__(self, room: bytes) -> None:
        self.room = room
        self.case: Case | None = None
        self.since = 0.0
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self.link, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, room), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, case: Case) -> None:
        self.case, self.since = case, time.monotonic()
        self.link.send(case)

    @property
    def overdue(self) -> bool:
        allowed = _LOOKING_SECONDS if self.case is not None and self.case.kind in GIANTS else LIMIT_SECONDS
        return self.case is not None and time.monotonic() - self.since > allowed

    def failed(self, why: str) -> Done:
        """Ends it; what it was at is a fault."""
        assert self.case is not None
        self.end()
        seconds, folder = time.monotonic() - self.since, _folder_for(self.room, self.case)
        return Done(self.case, Judged("fault", fault=why), seconds, 0, folder)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.link.close()


def run_cases(cases: Iterator[Case], *, workers: int) -> Iterator[Done]:
    """Judges cases until there are no more."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    room = os.fsencode(tempfile.mkdtemp(prefix="preserve-fuzzing-", dir=memory))
    try:
        yield from _run(cases, room, workers)
    finally:
        _remove(room)


def _run(cases: Iterator[Case], room: bytes, workers: int) -> Iterator[Done]:
    crew = [_Worker(room) for _ in range(workers)]
    try:
        for worker in crew:
            _next(worker, cases)
        while any(worker.case is not None for worker in crew):
            ready = wait([worker.link for worker in crew if worker.case is not None], timeout=0.5)
            for at, worker in enumerate(crew):
                done = _heard(worker) if worker.link in ready else _late(worker)
                if done is None:
                    continue
                yield done
                _remove(done.folder)
                if worker.link.closed:
                    worker = crew[at] = _Worker(room)
                _next(worker, cases)
    finally:
        for worker in crew:
            worker.end()


def _next(worker: _Worker, cases: Iterator[Case]) -> None:
    case = next(cases, None)
    if case is None:
        worker.case = None
    else:
        worker.give(case)


def _heard(worker: _Worker) -> Done | None:
    """None where it says only that the input is made: from then on its time counts."""
    try:
        said: Done | None = worker.link.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        return worker.failed(f"the process ended with {worker.process.exitcode}")
    if said is None:
        worker.since = time.monotonic()
    return said


def _late(worker: _Worker) -> Done | None:
    return (
        worker.failed(f"hangs: ended after {time.monotonic() - worker.since:.0f} seconds") if worker.overdue else None
    )
