"""In what a bag differs from a version of a package, in a few words."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

from checks.inventory import Entry
from checks.names import show
from preserve.catalog.catalog import Catalog

_NAMED = 3


def difference(catalog: Catalog, inventory_id: int, entries: Sequence[Entry]) -> str:
    """How many files are missing, more, or other than in that version, with the first of them by name.

    Args:
        entries: in bytewise order of path.
    """
    told: dict[str, list[bytes]] = {"other": [], "missing": [], "more": []}
    known = ((path, 0, size, digest) for path, size, digest in _known(catalog, inventory_id))
    here = ((entry.path, 1, entry.size_bytes, entry.sha256) for entry in entries)
    counts = dict.fromkeys(told, 0)
    for what, path in _compared(merge(known, here, key=lambda one: one[:2])):
        counts[what] += 1
        if len(told[what]) < _NAMED:
            told[what].append(path)
    parts = [
        f"{counts[what]:,} {what} ({', '.join(map(show, paths))}{', …' if counts[what] > len(paths) else ''})"
        for what, paths in told.items()
        if paths
    ]
    return "; ".join(parts) or "the same files, and another list of large ones"


def _known(catalog: Catalog, inventory_id: int) -> Iterator[tuple[bytes, int, bytes]]:
    whole = {entry.path: entry.sha256 for entry in catalog.large_files(inventory_id)}
    for shard in catalog.shards(inventory_id):
        for path, segment, size, digest in catalog.record(shard.id).entries():
            if segment == 0:
                yield path, size, whole.get(path, digest)


def _compared(both: Iterable[tuple[bytes, int, int, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Goes through what is known (0) and what is here (1), in order of path."""
    last: tuple[bytes, int, int, bytes] | None = None
    for one in both:
        if last is None:
            last = one
        elif last[0] == one[0]:
            if last[2:] != one[2:]:
                yield "other", one[0]
            last = None
        else:
            yield ("more" if last[1] else "missing"), last[0]
            last = one
    if last is not None:
        yield ("more" if last[1] else "missing"), last[0]
