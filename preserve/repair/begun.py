"""What an entry of the quarantine says was begun, believed only where it agrees with the catalog.

Whoever can write to a replica can write such an entry: nothing in it is taken for granted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from checks.names import canonical, path_from_fields
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow
from preserve.repair.planning import Method
from preserve.repair.reading import Piece
from preserve.stores.port import Entry


@dataclass(frozen=True, slots=True)
class Begun:
    """An entry with what it says, as far as that is of this catalog."""

    entry: Entry
    copy: CopyRow
    path: bytes  # from the bag's root
    full: bytes  # below the replica's root
    method: Method
    expected: str | None  # SHA-256, hex
    piece: Piece | None  # the segment, where it is of one

    @property
    def segment(self) -> int | None:
        return None if self.piece is None else self.piece.segment


def begun_by(entry: Entry, copies: Mapping[tuple[str, int], CopyRow], catalog: Catalog) -> Begun | None:
    """What was begun; None if the entry cannot be understood, or is of nothing that the catalog knows.

    Args:
        copies: those on the entry's replica, by identifier and version.

    Raises:
        UndeterminedError: what it says is there, and could not be read now.
    """
    document = entry.document()
    if document is None:
        return None
    try:
        copy = copies[str(document["package"]), int(str(document["version"]))]
        path, on_disk = _path(document["file"]), _path(document["on_disk"])
        method, segment = Method(str(document["method"])), document["segment"]
        number = None if segment is None else int(str(segment))
    except (KeyError, ValueError, TypeError):
        return None
    wanted = catalog.entry(copy.inventory_id, path)
    if canonical(path) != canonical(on_disk) or (wanted is None and method is not Method.SET_ASIDE):
        return None  # what was never taken in can only have been set aside
    if (number is not None) is not (method is Method.SEGMENTS):
        return None
    piece = None
    if number is not None:
        if wanted is None or not 0 <= number < len(wanted.segments):
            return None
        piece = Piece(wanted, number)
    return Begun(
        entry=entry,
        copy=copy,
        path=path,
        full=copy.location + b"/" + on_disk,
        method=method,
        expected=None if wanted is None else wanted.sha256.hex(),
        piece=piece,
    )


def _path(fields: object) -> bytes:
    """A path below a copy's folder out of its JSON fields; ValueError or TypeError if it is none."""
    if not isinstance(fields, Mapping):
        raise TypeError
    path = path_from_fields(fields) or b""
    if b"\0" in path or not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        raise ValueError
    return path
