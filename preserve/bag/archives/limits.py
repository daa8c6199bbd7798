"""What a serialised bag may ask of this machine, and what stops the reading of one that asks for more.

Limits hold by what was counted while reading, never by what an archive declares of itself.
"""

from threading import Lock

from checks.ports import StoreError

MOST_MEMBERS = 10_000_000
MOST_FOLDERS = 20_000_000  # to be walked, each time that one is entered
MOST_INDEX_BYTES = 2 << 30  # of memory for names and places: about 110 bytes and the name's length for each member
MOST_PATH_BYTES = 4096  # what Linux opens
MOST_EXTENSION_BYTES = 1 << 20  # of one header that only describes the next member
MOST_FAULTS = 10_000  # of the archive itself that are told one by one
MOST_DICTIONARY_BYTES = 512 << 20  # that a decompressor may hold; the largest preset of xz asks for 64 MiB

# Text packs 3 to 10 times, logs and tables 50 times; deflate ends at 1,032. 2 MB that unpack to 2 GB are a bomb.
MOST_EXPANSION = 200
FREE_EXPANSION_BYTES = 256 << 20  # so much any archive may unpack to, however small it is


class BeyondLimitError(StoreError):
    """An archive asks for more than it may. `what` and `limit` fill the finding's sentence."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"more {what} than {limit}", cause="archive-beyond-limit")
        self.what = what
        self.limit = limit


class ExpandsTooFarError(StoreError):
    """An archive unpacks to more bytes than its own size can account for."""

    def __init__(self, packed_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"{packed_bytes} bytes unpack to more than {limit_bytes} bytes", cause="archive-expands-too-far"
        )
        self.packed_bytes = packed_bytes
        self.limit_bytes = limit_bytes


class DamagedError(StoreError):
    """An archive cannot be read on from here. `why` is for people; bytes are counted from 0."""

    def __init__(self, why: str) -> None:
        super().__init__(why, cause="damaged")
        self.why = why


class Expansion:
    """Counts the bytes that come out of an archive. Safe to share between threads."""

    def __init__(self, packed_bytes: int) -> None:
        self._packed_bytes = packed_bytes
        self._limit_bytes = max(FREE_EXPANSION_BYTES, packed_bytes * MOST_EXPANSION)
        self._out_bytes = 0
        self._lock = Lock()

    @property
    def exceeded(self) -> ExpandsTooFarError | None:
        """What stopped the reading, if it was this."""
        if self._out_bytes <= self._limit_bytes:
            return None
        return ExpandsTooFarError(self._packed_bytes, self._limit_bytes)

    def add(self, count: int) -> None:
        """So many bytes came out, be it from a member that was read before. ExpandsTooFarError if that is too much."""
        with self._lock:
            self._out_bytes += count
        if error := self.exceeded:
            raise error
