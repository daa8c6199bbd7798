"""Counting what is done of something, and telling it in one line: bytes, rate, time left, files, findings."""

import threading
from collections import deque

_WINDOW_SECONDS = 30.0  # of which the rate is told
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Meter:
    """Counts; safe to tell from any thread. Times are monotonic seconds.

    Args:
        files, bytes: how many there are, where that is known; the time left is told from the bytes.
        findings: how many there are already.
    """

    def __init__(self, now: float, *, files: int | None = None, bytes: int | None = None, findings: int = 0) -> None:
        self.total_files = files
        self.total_bytes = bytes
        self.findings = findings
        self._files = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int, int]] = deque([(now, 0, 0)])

    def advance(self, files: int, bytes: int) -> None:
        """More was done."""
        with self._lock:
            self._files += files
            self._bytes += bytes

    def expect(self, bytes: int) -> None:
        """More is to be done than was said; nothing where no total is known."""
        with self._lock:
            if self.total_bytes is not None:
                self.total_bytes += bytes

    def found(self, findings: int) -> None:
        """More findings."""
        with self._lock:
            self.findings += findings

    def line(self, now: float) -> str:
        """The state at a time that is no earlier than the last one."""
        with self._lock:
            files, done, findings = self._files, self._bytes, self.findings
            rate, file_rate = self._rates(now)
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
        return "  ".join(parts)

    def _rates(self, now: float) -> tuple[float, float]:
        """Bytes and files a second, of the last half minute."""
        self._samples.append((now, self._bytes, self._files))
        while len(self._samples) > 2 and self._samples[1][0] < now - _WINDOW_SECONDS:
            self._samples.popleft()
        first_at, first_done, first_files = self._samples[0]
        if now <= first_at:
            return 0.0, 0.0
        return (self._bytes - first_done) / (now - first_at), (self._files - first_files) / (now - first_at)


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
