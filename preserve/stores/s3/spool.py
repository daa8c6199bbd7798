"""Bytes that wait until it is known how many they are and what their SHA-256 is, which S3 wants to know beforehand."""

import hashlib
import tempfile
from collections.abc import Callable
from typing import IO

from checks.buffers import give_back, taken_buffer
from checks.ports import StoreError

IN_MEMORY_BYTES = 8 << 20


class Spool:
    """A little in memory, more in a temporary file (a segment at most, in the system's folder for those)."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._little = bytearray()
        self._file: IO[bytes] | None = None

    def take(self, content: memoryview) -> None:
        self._hash.update(content)
        self.size_bytes += len(content)
        try:
            if self._file is None and self.size_bytes <= IN_MEMORY_BYTES:
                self._little += content
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="preserve-")  # noqa: SIM115 - `close` closes it
                self._file.write(self._little)
                self._little = bytearray()
            self._file.write(content)
        except OSError as error:
            text = f"{tempfile.gettempdir()}: {error.strerror}; a file waits there on its way to S3"
            raise StoreError(text, cause="no room for temporary files") from error

    def sha256(self) -> bytes:
        return self._hash.digest()

    def pour(self, into: Callable[[memoryview], None]) -> None:
        """Gives all of it, from the beginning."""
        if self._file is None:
            into(memoryview(self._little))
            return
        self._file.seek(0)
        buffer = taken_buffer()
        try:
            while count := self._file.readinto(buffer):  # type: ignore[attr-defined]
                into(buffer[:count])
        finally:
            give_back(buffer)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
