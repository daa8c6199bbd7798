"""Decompressing in bounded memory, for streams that may end early, go on after their end, or be no such stream."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from preserve.bag.archives.limits import MOST_DICTIONARY_BYTES, DamagedError

_OUT_BYTES = 1 << 20  # that one call may give, whatever it is given


class Decompressor(Protocol):
    """What those of bz2 and lzma have in common; `Inflater` gives zlib's the same form."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Inflater:
    """zlib's decompressor, which hands back the input that it has not used yet, as one that keeps it."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._full and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` bytes (more than 0)."""
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(out) == max_length  # there may be more without any input
        return out


def gzip_stream() -> Decompressor:
    """Of a gzip member; its CRC and length are checked at its end."""
    return Inflater(zlib.MAX_WBITS | 16)


def bzip2_stream() -> Decompressor:
    """Of a bzip2 stream, with its CRCs."""
    return bz2.BZ2Decompressor()


def xz_stream() -> Decompressor:
    """Of an xz stream, with its checks; more memory than the limit is refused."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_DICTIONARY_BYTES)


def pieces(decompressor: Decompressor, data: bytes, most: int = _OUT_BYTES) -> Iterator[bytes]:
    """What comes out of one piece of input, at most so many bytes at a time.

    Raises:
        DamagedError: it is no such stream, or damaged.
    """
    while not decompressor.eof:
        try:
            out = decompressor.decompress(data, most)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            raise DamagedError(f"its content cannot be decompressed ({error})") from error
        except MemoryError as error:
            raise DamagedError("its content asks for more memory than there is") from error
        data = b""
        if out:
            yield out
        if decompressor.needs_input and not out:
            return


def whole(make: Callable[[], Decompressor], packed: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """What comes out of a file of such streams, one after the other.

    Args:
        packed: the file's bytes, each piece with its place.

    Raises:
        DamagedError: it is cut off or damaged, or something else stands behind the end.
    """
    decompressor, begun = make(), False
    for place, data in packed:
        rest, at = data, place
        while rest:
            if not begun and at:
                rest = rest.lstrip(b"\0")  # filled up, as tapes and xz do
                if not rest:
                    break
            begun = True
            yield from _of_stream(decompressor, rest, at)
            if not decompressor.eof:
                break
            rest = decompressor.unused_data
            decompressor, begun, at = make(), False, place + len(data) - len(rest)
    if begun:
        raise DamagedError("it is cut off before its end")


def _of_stream(decompressor: Decompressor, data: bytes, at: int) -> Iterator[bytes]:
    try:
        yield from pieces(decompressor, data)
    except DamagedError as error:
        raise DamagedError(f"{error.why}, near byte {at}") from error
