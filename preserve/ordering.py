"""Sorting more records than memory should hold: runs are spilled to a nameless temporary file and merged."""

import heapq
from collections.abc import Iterator
from typing import BinaryIO, cast

from preserve.blocks import nameless, read_block, write_block

RUN_BYTES = 24 << 20
_BLOCK = 512  # records a read, or fewer where they are long
_BLOCK_BYTES = 1 << 18
_OVERHEAD_BYTES = 41  # of a bytes object and its place in a list


class Sorter:
    """Takes records (bytes) in any order and gives them back in bytewise order; again and again, if need be."""

    def __init__(self, run_bytes: int = RUN_BYTES) -> None:
        self._run_bytes = run_bytes
        self._run: list[bytes] = []
        self._held_bytes = 0
        self._spilled: list[BinaryIO] = []

    def add(self, record: bytes) -> None:
        """OSError if the temporary folder is full."""
        self._run.append(record)
        self._held_bytes += len(record) + _OVERHEAD_BYTES
        if self._held_bytes >= self._run_bytes:
            self._spill()

    def _spill(self) -> None:
        self._run.sort()
        file = nameless()
        block = max(1, min(_BLOCK, _BLOCK_BYTES // (max(map(len, self._run)) + 1)))
        for start in range(0, len(self._run), block):
            write_block(file, cast("list[object]", self._run[start : start + block]))
        self._spilled.append(file)
        self._run = []
        self._held_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        self._run.sort()
        if not self._spilled:
            return iter(self._run)
        return heapq.merge(self._run, *(_read_run(file) for file in self._spilled))

    def close(self) -> None:
        """Gives memory and temporary files back, however far they were read."""
        for file in self._spilled:
            file.close()
        self._spilled.clear()
        self._run = []


def _read_run(file: BinaryIO) -> Iterator[bytes]:
    place = 0
    while True:
        file.seek(place)  # another may be reading it, too
        block = read_block(file)
        if block is None:
            return
        place = file.tell()
        yield from cast("list[bytes]", block)
