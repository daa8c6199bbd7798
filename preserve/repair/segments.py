"""Mending single segments of a large file in place: the bad bytes are set aside first, the good ones staged."""

import os
from typing import TYPE_CHECKING

from checks.inventory import SEGMENT_BYTES
from checks.names import show
from checks.ports import Store
from preserve.errors import UndeterminedError
from preserve.repair.acts import quarantined, repaired
from preserve.repair.origins import Origin
from preserve.repair.planning import Method
from preserve.repair.reading import Piece, digest_of, fetch
from preserve.stores.port import Entry
from preserve.stores.quarantine import CONTENT, GOOD

if TYPE_CHECKING:
    from preserve.repair.mending import Mender
    from preserve.repair.work import Work


def mend_segments(mender: "Mender", work: "Work", segments: list[int]) -> bool:
    """Mends those of the segments that are bad, one after the other; False if one could not be had.

    What was mended before that stays mended, and is recorded with the next one.
    """
    assert work.step.entry is not None
    there = Origin(name=work.step.copy.replica, store=work.store, path=work.full)
    for segment in segments:
        piece = Piece(work.step.entry, segment)
        if fetch(there, piece).fault and not _mend(mender, work, piece):
            return False
    return True


def _mend(mender: "Mender", work: "Work", piece: Piece) -> bool:
    entry = mender.begin(work, Method.SEGMENTS, piece)
    try:
        token = set_aside(work.store, work.full, entry, CONTENT, piece)
        staged = mender.stage(work, entry, GOOD, piece, beside=True)
    except BaseException:
        entry.discard()  # nothing was written yet: CONTENT is a copy
        raise
    if not staged:
        entry.discard()
        return False
    entry.overwrite(work.full, piece.offset, token)
    _finish(work, entry, piece, mender.by)
    return True


def _finish(work: "Work", entry: Entry, piece: Piece, by: str) -> None:
    """Reads a segment in its place; if it is good, what was staged goes, and the acts are put down."""
    written = fetch(Origin(name=work.step.copy.replica, store=work.store, path=work.full), piece)
    if written.fault:
        raise UndeterminedError(
            f"{show(work.full)}: the segment that was written does not read back: {written.fault}",
            remedy="Suspect this disk or its cable. Both its bad and its good bytes are kept in the quarantine.",
        )
    entry.remove(GOOD)
    size, digest = digest_of(work.store, entry.location + b"/" + CONTENT)
    entry.seal(digest)
    name = os.fsdecode(entry.name)
    work.acts += [
        quarantined(work, name, size, digest, by, segment=piece.segment),
        repaired(work, Method.SEGMENTS, name, by, segment=piece.segment),
    ]


def set_aside(store: Store, full: bytes, entry: Entry, name: bytes, piece: Piece) -> object:
    """Copies what lies where a segment belongs into the entry; all of it can be read, or this raises.

    Returns:
        the token of the file that it was read of.

    Raises:
        UndeterminedError: the file ended, or changed meanwhile.
    """
    source = store.open(full, past_cache=False, offset=piece.offset)
    try:
        before, left = source.stat().token, piece.length
        buffer = memoryview(bytearray(min(SEGMENT_BYTES, 1 << 20)))
        with entry.file(name, size_bytes=piece.length) as sink:
            while left and (got := source.readinto(buffer[: min(left, len(buffer))])):
                sink(buffer[:got])
                left -= got
        if left or source.stat().token != before:
            raise UndeterminedError(f"{show(full)}: it changed while its segment was set aside")
        return before
    finally:
        source.close()
