"""A second opinion on a bag in a folder: bagit-python is asked, in a process of its own, and compared with our result.

It can hang, use up memory, change the working directory and raise anything; so it gets a process with limits, without
environment, that can write nothing (`asking`). Its word never changes our outcome: where it differs that is a warning.
"""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from checks.algorithms import normalised
from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.opinions import asking
from preserve.bag.opinions.opinion import Answer, Opinion, Said, Word, compare, missing, with_algorithms
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import Validation
from preserve.progress import Progress, Silent

_MIB = 1 << 20
_LEAST_SECONDS = 60.0
_ENDING_SECONDS = 10.0
_SLOWER = 20  # times our own reading time; its realpath for each line costs most, where files are small
_STATEMENTS_LIMIT = 100_000
_ASKING = Path(asking.__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bagit-python may use: address space, and wall-clock seconds after which it is ended."""

    memory_bytes: int = 512 * _MIB
    seconds: float = _LEAST_SECONDS

    @classmethod
    def of(cls, bag: bytes, result: Validation, seconds: float) -> "Limits":
        """For a bag that took us so many seconds to read.

        It needs about 1.4 KB a file, and holds whole tag files; at most half of the machine's memory.
        """
        files = max(result.payload.listed, result.payload.present) + result.tags.listed
        memory = 512 * _MIB + 2_048 * files + 6 * _tag_file_bytes(bag)
        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        return cls(memory_bytes=min(memory, max(half, 512 * _MIB)), seconds=_LEAST_SECONDS + _SLOWER * seconds)


def ask(
    bag: bytes,
    result: Validation,
    *,
    seconds: float = 0.0,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Opinion:
    """Asks bagit-python about the same bag, as deep as we looked, and compares. Nothing that it does is an error here.

    Args:
        bag: the bag's folder; anything else is not asked about.
        result: our own result.
        seconds: how long our own reading took.
        limits: what it may use; as the bag and those seconds ask for if left out.
    """
    tool = _tool()
    bag = os.path.abspath(bag)
    why_not = _why_not(bag, result)
    if why_not is not None:
        return missing(tool, Word.NOT_ASKED, why_not)
    (progress or Silent()).stage("asking bagit-python")
    limits = limits or Limits.of(bag, result, seconds)
    asked = {
        "bag": os.fsdecode(bag),
        "paths": _found_in(),
        "memory_bytes": limits.memory_bytes,
        "fast": result.depth is Depth.FAST,
        "completeness_only": result.depth is Depth.COMPLETENESS,
        "statements": _STATEMENTS_LIMIT,
    }
    answer = _answer(tool, asked, limits)
    opinion = compare(result.outcome, result.findings, answer)
    if result.depth is Depth.FAST or answer.verdict not in (Word.VALID, Word.INVALID) or not answer.algorithms:
        return opinion
    return with_algorithms(opinion, result.algorithms, answer.algorithms)


def _tool() -> str:
    try:
        return f"bagit-python {version('bagit')}"
    except PackageNotFoundError:
        return "bagit-python"


def _found_in() -> list[str]:
    """The folder it is installed in, for an interpreter that looks nowhere but in its own places."""
    spec = find_spec("bagit")
    return [] if spec is None or spec.origin is None else [os.path.dirname(spec.origin)]


def _why_not(bag: bytes, result: Validation) -> str | None:
    """Why it is not asked at all, in words; None if it may be."""
    if not os.path.isdir(bag):
        return "it is asked about folders only"
    if not _found_in():
        return "the package bagit is not installed"
    blocking = next(_blocking(bag, result.findings), None)
    if blocking is not None:
        return f"{show(blocking)} is a device, FIFO, socket or dangling link, on which it could hang or break off"
    return None


def _blocking(bag: bytes, findings: Iterable[Finding]) -> Iterator[bytes]:
    for finding in findings:
        if finding.code is Code.WRONG_KIND and finding.path is not None:
            try:
                mode = os.stat(os.path.join(bag, finding.path)).st_mode
            except (OSError, ValueError):
                yield finding.path
                continue
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                yield finding.path


def _tag_file_bytes(bag: bytes) -> int:
    """The sizes of the files at the bag's top, as far as they can be had."""
    total = 0
    try:
        with os.scandir(bag) as entries:
            for entry in entries:
                if entry.name.endswith(b".txt") and entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    except OSError:
        return total
    return total


def _answer(tool: str, asked: dict[str, object], limits: Limits) -> Answer:
    """Runs it; whatever goes wrong is an answer that it could not say."""
    try:
        with _running(asked) as process:
            out, _ = process.communicate(timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        return _unsure(tool, f"it took longer than {limits.seconds:,.0f} seconds and was ended")
    except OSError as error:
        return _unsure(tool, f"it could not be started: {error.strerror or error}")
    try:
        return _read(tool, json.loads(out))
    except (ValueError, KeyError, TypeError):
        mebibytes = limits.memory_bytes // _MIB
        status = process.returncode
        return _unsure(tool, f"it ended with status {status} and no answer (it may use {mebibytes:,} MiB of memory)")


def _unsure(tool: str, message: str) -> Answer:
    return Answer(tool=tool, verdict=Word.UNSURE, message=message)


@contextmanager
def _running(asked: dict[str, object]) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, which is ended whatever happens to us: here, or by the end of its standard input."""
    listens, held = os.pipe()
    try:
        command = [sys.executable, "-I", "-B", "-X", "utf8", str(_ASKING), json.dumps(asked)]
        process = subprocess.Popen(
            command,
            stdin=listens,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"LC_ALL": "C.UTF-8"},
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it
        )
        try:
            yield process
        finally:
            _end(process)
    finally:
        os.close(held)
        os.close(listens)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kills it. One that a dead disk holds in the kernel is left to it, so that we do not hang with it."""
    process.kill()
    if process.stdout is not None:
        process.stdout.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_ENDING_SECONDS)


def _read(tool: str, told: dict[str, Any]) -> Answer:
    """Its answer as a value; ValueError, KeyError or TypeError where it is none."""
    return Answer(
        tool=tool,
        verdict=Word(told["verdict"]),
        error=str(told["error"]),
        message=str(told["message"]),
        ran=frozenset(told["ran"]),
        said=tuple(Said(_path(path), kind, unread) for path, kind, unread in told["said"]),
        more=int(told["more"]),
        algorithms=frozenset(normalised(str(algorithm)) for algorithm in told["algorithms"]),
    )


def _path(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
