"""A file on a disk of which the power may be cut; see `tests.campaigns.powercut_disk` for the model."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

SECTOR_BYTES = 512


class Change(NamedTuple):
    """Bytes written at an offset, or, without any, the file cut or grown to that size."""

    time: int
    offset: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        if self.data is None:
            grow(content, self.offset)
            del content[self.offset :]
        else:
            grow(content, self.offset)
            content[self.offset : self.offset + len(self.data)] = self.data


def grow(content: bytearray, size: int) -> None:
    content.extend(bytes(max(0, size - len(content))))


@dataclass(slots=True)
class File:
    durable: bytes = b""
    live: bytearray = field(default_factory=bytearray)  # as the command sees it
    pending: list[Change] = field(default_factory=list)

    def survivor(self, rng: random.Random, luck: float) -> bytes:
        if not self.pending:
            return self.durable
        content = bytearray(self.durable)
        for change in self.pending:
            _befall(change, content, rng, luck)
        return bytes(content)


def _befall(change: Change, content: bytearray, rng: random.Random, luck: float) -> None:
    """What of one write comes to the medium: by luck all of it, else nothing, zeros, or some sectors."""
    if rng.random() < luck:
        change.apply(content)
        return
    fate = rng.choice(("gone", "zeros", "torn")) if change.data is not None else "gone"
    if fate == "zeros":
        grow(content, change.offset + len(change.data or b""))
    elif fate == "torn":
        for piece in _sectors(change):
            if rng.random() < 0.5:
                piece.apply(content)


def _sectors(change: Change) -> Iterator[Change]:
    data, at = change.data or b"", 0
    while at < len(data):
        stop = at + SECTOR_BYTES - (change.offset + at) % SECTOR_BYTES
        yield Change(change.time, change.offset + at, data[at:stop])
        at = stop
