"""Recording what a command asks of the file system, with all the bytes: strace(1), and its lines made into calls."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]

# A question mark: not every machine has the call. What is not listed is caught by the comparison at a recording's end.
_CALLS = (
    "?open,?creat,openat,?openat2,close,?close_range,dup,?dup2,dup3,fcntl,lseek,chdir,fchdir,?fork,?vfork,clone,?clone3,"
    "write,pwrite64,writev,pwritev,?pwritev2,?copy_file_range,sendfile,splice,truncate,ftruncate,fallocate,mmap,"
    "fsync,fdatasync,syncfs,sync,?mkdir,mkdirat,?rename,?renameat,?renameat2,?link,linkat,?unlink,unlinkat,?rmdir,"
    "?symlink,symlinkat"
)
_MOST_BYTES = 1 << 24  # of one write; a longer one is refused when it is read
_LINE = re.compile(r"(\d+) +(.*)\n?")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_ENDED = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)", re.DOTALL)
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


class Unfollowed(Exception):
    """The command did what the recording or the model of a disk does not know of: nothing can be said."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded. `begun` and `ended` are lines of the record: what happened before what."""

    thread: int
    name: str
    arguments: tuple[str, ...]
    result: int
    begun: int
    ended: int

    def text(self, index: int) -> bytes:
        """An argument that is a string, or several (an iovec), one after the other."""
        found = _STRING.findall(self.arguments[index])
        if any(shortened for _, shortened in found):
            raise Unfollowed(f"{self.name}: more than {_MOST_BYTES} bytes in one call")
        return b"".join(bytes.fromhex(digits.replace("\\x", "")) for digits, _ in found)

    def number(self, index: int) -> int:
        return int(self.arguments[index], 0)

    def __str__(self) -> str:
        said = (self.text(i).decode("utf-8", "replace")[:80] if '"' in a else a for i, a in enumerate(self.arguments))
        return f"{self.name}({', '.join(said)})"


def can_record() -> bool:
    """Whether strace is here and allowed to do its work."""
    if which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command. Its calls are in the order of their effects."""

    calls: list[Call]
    status: int

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


def record(
    module: Sequence[str],
    arguments: Sequence[str],
    log: Path,
    *,
    start: int = 0,
    killed_at: tuple[str, int] | None = None,
    ends: Sequence[int] = (0,),
) -> Run:
    """Runs `python -m module... arguments...` to an end that is in `ends`, or kills it on its way.

    Args:
        killed_at: a call and how often it must come: before the last of these the run is killed.
        start: the time at which it begins: after all that an earlier run did.
    """
    traced = ["strace", "-f", "-xx", "-s", str(_MOST_BYTES), "-e", "signal=none"]
    traced += ["-e", "trace=" + _CALLS, "-o", str(log)]
    if killed_at is None:
        traced.append("--seccomp-bpf")  # faster; but then no signal is sent
    else:
        traced += ["-e", f"inject={killed_at[0]}:signal=SIGKILL:when={killed_at[1]}"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*traced, sys.executable, "-m", *module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    if done.returncode not in (ends if killed_at is None else {*ends, -signal.SIGKILL}):
        raise Unfollowed(f"the command ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
    with log.open(encoding="ascii") as lines:
        calls = list(_parsed(lines, start))
    log.unlink()
    # A number is free for other threads from the moment at which its close begins.
    calls.sort(key=lambda call: call.begun if call.name.startswith("close") else call.ended)
    return Run(calls, done.returncode)


def _parsed(lines: Iterator[str], start: int) -> Iterator[Call]:
    begun: dict[str, tuple[int, str]] = {}  # by thread: a call during which others were told of
    for number, line in enumerate(lines, start + 1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise Unfollowed(f"a line that strace should not write: {line[:200]}")
        thread, said = found.groups()
        if said.startswith(("+++", "---")):
            continue
        if said.endswith("<unfinished ...>"):
            begun[thread] = (number, said.removesuffix("<unfinished ...>"))
            continue
        entered = number
        if said.startswith("<..."):
            entered, before = begun.pop(thread)
            said = before + _RESUMED.sub("", said, count=1)
        call = _call(int(thread), said, entered, number)
        if call is not None:
            yield call


def _call(thread: int, said: str, begun: int, ended: int) -> Call | None:
    found = _ENDED.match(said)
    if found is None:
        raise Unfollowed(f"a call that cannot be read: {said[:200]}")
    name, arguments, result = found.groups()
    if result == "?" or result.startswith("-"):
        return None  # it failed, or the process ended in it
    return Call(thread, name, tuple(_split(arguments)), int(result, 0), begun, ended)


def _split(arguments: str) -> Iterator[str]:
    """At the commas that lie in no bracket. Strings are hexadecimal: neither commas nor brackets are in them."""
    part, depth = "", 0
    for piece in arguments.split(", "):
        part = f"{part}, {piece}" if depth else piece
        depth = sum(part.count(opening) - part.count(closing) for opening, closing in ("[]", "{}", "()"))
        if not depth:
            yield part
    if depth:
        raise Unfollowed(f"arguments that cannot be read: {arguments[:200]}")
