"""The buffers that files are read into, and the loop that moves a source through one."""

import mmap
from collections.abc import Callable, Sequence

from checks.ports import Source

BUFFER_BYTES = 1 << 20
_MOST_KEPT = 16  # when nobody uses them

# Page-aligned buffers (O_DIRECT demands it), kept because mapping one costs more than reading a small file.
# list.append and list.pop are atomic, so that all threads share them.
_free_buffers: list[memoryview] = []


def new_buffer() -> memoryview:
    """A page-aligned buffer of BUFFER_BYTES.

    Private: a shared mapping, mmap's default, would be one memory for a process and those forked from
    it, and each would digest what the other read.
    """
    return memoryview(mmap.mmap(-1, BUFFER_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def taken_buffer() -> memoryview:
    """A page-aligned buffer of BUFFER_BYTES, with whatever is in it, for this caller alone until it gives it back."""
    try:
        return _free_buffers.pop()
    except IndexError:
        return new_buffer()


def give_back(buffer: memoryview) -> None:
    """Keeps a buffer for the next caller, or lets it go if enough are kept."""
    if len(_free_buffers) < _MOST_KEPT:
        _free_buffers.append(buffer)


def pump(source: Source, sinks: Sequence[Callable[[memoryview], None]], length: int | None) -> int:
    """Moves bytes from a source into every sink, at most `length`; returns how many."""
    count = 0
    view = taken_buffer()
    try:
        while length is None or count < length:
            room = view if length is None else view[: min(len(view), length - count)]
            got = source.readinto(room)
            if got == 0:
                break
            filled = room[:got]
            for sink in sinks:
                sink(filled)
            count += got
    finally:
        give_back(view)
    return count
