"""How far the work is: one live line on a terminal, else a plain line every ten seconds, on standard error.

`advance` is called from many threads for every file; it adds two numbers under a lock and draws nothing. What is
drawn is computed by one drawing thread from these numbers.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from rich.live import Live
from rich.text import Text

from preserve.cli.output import console, plain

_LINE_SECONDS = 10.0
_WINDOW_SECONDS = 30.0  # of which the rate is told
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@dataclass(slots=True)
class _Counted:
    files: int = 0
    bytes: int = 0
    findings: int = 0


class Progress:
    """A context manager: `with Progress("Reading", total_files=9, total_bytes=100) as progress: …`.

    Args:
        title: a word for what is done.
        total_files, total_bytes: what is to be done, where known; the time left is told from the bytes.
        stream: standard error if none.
        quiet: counts, and shows nothing.
    """

    def __init__(
        self,
        title: str,
        *,
        total_files: int | None = None,
        total_bytes: int | None = None,
        stream: IO[str] | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title = title
        self.total_files = total_files
        self.total_bytes = total_bytes
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._clock = clock
        self._lock = threading.Lock()
        self._counted = _Counted()
        self._samples: deque[tuple[float, int, int]] = deque([(clock(), 0, 0)])
        self._stop = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def stage(self, name: str, *, files: int | None = None, bytes: int | None = None) -> None:
        """Another part of the work begins; it is counted from nothing."""
        with self._lock:
            self.title, self.total_files, self.total_bytes = name, files, bytes
            self._counted = _Counted(findings=self._counted.findings)
            self._samples = deque([(self._clock(), 0, 0)])

    def advance(self, *, files: int = 0, bytes: int = 0) -> None:
        """More was done."""
        with self._lock:
            self._counted.files += files
            self._counted.bytes += bytes

    def found(self, findings: int = 1) -> None:
        """More findings."""
        with self._lock:
            self._counted.findings += findings

    def line(self) -> str:
        """The state in one line: bytes, rate, time left, files, findings so far."""
        with self._lock:
            files, done, findings = self._counted.files, self._counted.bytes, self._counted.findings
        rate, file_rate = self._rates(done, files)
        parts = []
        if done or self.total_bytes is not None:
            parts.append(_of(_size(done), None if self.total_bytes is None else _size(self.total_bytes)))
            parts.append(f"{_size(int(rate))}/s")
        if self.total_bytes is not None and rate > 0:
            parts.append(f"{_time(max(0, self.total_bytes - done) / rate)} left")
        elif self.total_bytes is None and self.total_files is not None and file_rate > 0:
            parts.append(f"{_time(max(0, self.total_files - files) / file_rate)} left")
        if files or self.total_files is not None:
            parts.append(_of(f"{files:,}", None if self.total_files is None else f"{self.total_files:,}") + " files")
        if findings:
            parts.append(f"{findings:,} finding{'' if findings == 1 else 's'}")
        return f"{plain(self.title)}  " + "  ".join(parts)

    def __enter__(self) -> Self:
        if self._quiet:
            return self
        if self._stream.isatty():
            self._live = Live(
                get_renderable=self._renderable, console=console(self._stream), refresh_per_second=4, transient=True
            )
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._print_lines, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._live is not None:
            self._live.stop()
        if self._thread is not None:
            self._thread.join()

    def _renderable(self) -> Text:
        return Text(self.line(), overflow="ellipsis", no_wrap=True)

    def _print_lines(self) -> None:
        while not self._stop.wait(_LINE_SECONDS):
            try:
                print(self.line(), file=self._stream, flush=True)
            except (OSError, ValueError):
                return  # whoever read the log has gone; the work goes on

    def _rates(self, done: int, files: int) -> tuple[float, float]:
        """Bytes and files a second, of the last half minute."""
        now = self._clock()
        with self._lock:
            self._samples.append((now, done, files))
            while len(self._samples) > 2 and self._samples[1][0] < now - _WINDOW_SECONDS:
                self._samples.popleft()
            first_at, first_done, first_files = self._samples[0]
        if now <= first_at:
            return 0.0, 0.0
        return (done - first_done) / (now - first_at), (files - first_files) / (now - first_at)


def _of(done: str, total: str | None) -> str:
    return done if total is None else f"{done} of {total}"


def _size(size_bytes: int) -> str:
    value, unit = float(size_bytes), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} d"
