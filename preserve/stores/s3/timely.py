"""Answers that end: a server that says a little again and again must not keep anybody for ever.

A time-out of a socket begins anew with each byte. These count from the beginning, and what comes before the body (the
headers, and any number of `100 Continue` before them) must be short.
"""

from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD_SECONDS, HEAD_BYTES = 120.0, 256 << 10
SMALL_SECONDS = 120.0  # a body that is read in one go


class _Counted(RawIOBase):
    """What comes from a socket, until a time and up to a count of bytes; None: without such an end."""

    def __init__(self, raw: Any, line: socket) -> None:
        super().__init__()
        self._raw, self._line, self._each_seconds = raw, line, line.gettimeout()
        self.until: float | None = None
        self.left_bytes: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        if self.until is not None:
            left = self.until - monotonic()
            if left <= 0:
                raise TimeoutError("the answer takes too long")
            if self._each_seconds is None or left < self._each_seconds:
                self._line.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        if self.left_bytes is not None:
            self.left_bytes -= count or 0
            if self.left_bytes < 0:
                raise HTTPException("the answer's headers do not end")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()

    def unbound(self) -> None:
        self.until = self.left_bytes = None
        self._line.settimeout(self._each_seconds)


class TimelyResponse(HTTPResponse):
    """An answer whose headers come within `HEAD_SECONDS`; `within` says the same of its body."""

    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._counted = _Counted(self.fp.detach(), sock)
        self._counted.until, self._counted.left_bytes = monotonic() + HEAD_SECONDS, HEAD_BYTES
        self.fp = BufferedReader(self._counted)

    def begin(self) -> None:
        super().begin()
        if not self._counted.closed:
            self._counted.unbound()

    def within(self, seconds: float) -> None:
        """From now on; TimeoutError where it takes longer."""
        self._counted.until = monotonic() + seconds
