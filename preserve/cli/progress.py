"""How far the work is: live lines on a terminal, one a replica; else a plain line for all every ten seconds.

All on standard error. `advance` is called from many threads for every file; it adds a few numbers under a lock and
draws nothing. What is drawn is computed by one drawing thread from these numbers.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Self

from rich.live import Live
from rich.text import Text

from preserve.cli.meter import Meter
from preserve.cli.output import console, plain

_LINE_SECONDS = 10.0


class Progress:
    """A context manager: `with Progress("Reading", total_files=9, total_bytes=100) as progress: …`.

    Args:
        title: a word for what is done.
        total_files, total_bytes: what is to be done, where known; the time left is told from the bytes.
        replicas: the bytes to be read at each replica, by its name, where known.
        stream: standard error if none.
        quiet: counts, and shows nothing.
    """

    def __init__(
        self,
        title: str,
        *,
        total_files: int | None = None,
        total_bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
        stream: IO[str] | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title = title
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._clock = clock
        self._lock = threading.Lock()
        now = clock()
        self._at = ""
        self._all = Meter(now, files=total_files, bytes=total_bytes)
        self._replicas = {name: Meter(now, bytes=size) for name, size in (replicas or {}).items()}
        self._stop = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def stage(
        self,
        name: str,
        *,
        files: int | None = None,
        bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
    ) -> None:
        """Another part of the work begins; it is counted from nothing."""
        with self._lock:
            self.title, self._at = name, ""
            self._all = Meter(self._clock(), files=files, bytes=bytes, findings=self._all.findings)
            self._replicas = {one: Meter(self._clock(), bytes=size) for one, size in (replicas or {}).items()}

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        """More was done, at a replica if it is named."""
        self._all.advance(files, bytes)
        if replica:
            self._replica(replica).advance(files, bytes)

    def expect(self, bytes: int, *, replica: str = "") -> None:
        """More is to be done than was said, at a replica if it is named."""
        self._all.expect(bytes)
        if replica:
            self._replica(replica).expect(bytes)

    def at(self, what: str) -> None:
        """What it is at now, such as a package and the replica to which it is copied."""
        with self._lock:
            self._at = what

    def found(self, findings: int = 1, *, replica: str = "") -> None:
        """More findings, at a replica if it is named."""
        self._all.found(findings)
        if replica:
            self._replica(replica).found(findings)

    def _replica(self, name: str) -> Meter:
        meter = self._replicas.get(name)
        if meter is None:
            with self._lock:
                meter = self._replicas.setdefault(name, Meter(self._clock()))
        return meter

    def line(self) -> str:
        """The state in one line: bytes, rate, time left, files, findings so far."""
        return f"{self._named()}  {self._all.line(self._clock())}"

    def _named(self) -> str:
        return plain(": ".join(filter(None, (self.title, self._at))))

    def lines(self) -> list[str]:
        """The state of all, and of each replica if there are several."""
        with self._lock:
            replicas = dict(self._replicas)
        if not replicas:
            return [self.line()]
        width = max(len(plain(name)) for name in replicas)
        now = self._clock()
        each = [f"{plain(name):{width}}  {meter.line(now)}" for name, meter in replicas.items()]
        if len(each) == 1:
            return [f"{self._named()}  {each[0]}"]
        return [self.line(), *(f"  {line}" for line in each)]

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
        return Text("\n".join(self.lines()), overflow="ellipsis", no_wrap=True)

    def _print_lines(self) -> None:
        while not self._stop.wait(_LINE_SECONDS):
            try:
                print(self.line(), file=self._stream, flush=True)
            except (OSError, ValueError):
                return  # whoever read the log has gone; the work goes on
