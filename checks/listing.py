"""A copy's names against its inventory: untracked, spelled otherwise, moved, by shard."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from checks.names import pair_by_normalisation
from checks.ports import Kind, Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the listing of a copy says of one shard's range. Expected names that it lacks are looked for anyway."""

    untracked: tuple[bytes, ...] = ()
    spelled: Mapping[bytes, bytes] = field(default_factory=dict)  # expected name -> canonical equivalent on disk
    moved: Mapping[bytes, bytes] = field(default_factory=dict)  # expected name -> where its content lies
    problems: tuple[tuple[bytes, str], ...] = ()  # folders that could not be listed, and why

    @property
    def complete(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The names of a copy, sorted, with the folders that could not be read."""

    names: Sequence[bytes]
    odd: Mapping[bytes, Kind]  # names that are no regular files
    problems: tuple[tuple[bytes, str], ...]

    @classmethod
    def gather(cls, listed: Iterable[Listed]) -> "Listing":
        """Sorts what a store listed; servers do not agree on an order."""
        names: list[bytes] = []
        odd: dict[bytes, Kind] = {}
        problems: list[tuple[bytes, str]] = []
        for item in listed:
            if item.problem is not None:
                problems.append((item.path, item.problem))
                continue
            names.append(item.path)
            if item.kind is not Kind.FILE:
                odd[item.path] = item.kind
        names.sort()
        return cls(names=names, odd=odd, problems=tuple(sorted(problems)))

    def within(self, start: bytes, stop: bytes) -> Sequence[bytes]:
        """The names whose first position lies in a half-open range of positions; an empty stop has no end."""
        first = self._place(start) if start else 0
        return self.names[first : self._place(stop) if stop else None]

    def _place(self, position: bytes) -> int:
        path, segment = position[:-9], position[-8:]
        # A cut inside a large file leaves the file's name to the shard that holds its first segment.
        return bisect_left(self.names, path) if segment == bytes(8) else bisect_right(self.names, path)

    def problems_within(self, start: bytes, stop: bytes) -> tuple[tuple[bytes, str], ...]:
        """The unread folders that may hold names of this range."""
        return tuple(p for p in self.problems if _touches(p[0], start, stop))


def _touches(folder: bytes, start: bytes, stop: bytes) -> bool:
    if not folder:
        return True
    first, beyond = folder + b"/", folder + b"0"  # "0" is the byte after "/"
    return (not stop or first < stop) and beyond > start


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Where the names of a whole copy and its inventory differ; both sets are usually empty."""

    missing: frozenset[bytes]
    untracked: frozenset[bytes]
    spelled: Mapping[bytes, bytes]


def compare(listing: Listing, shards: Iterable[tuple[bytes, bytes, Sequence[bytes]]]) -> Differences:
    """Compares names over a whole copy.

    Args:
        shards: (start, stop, expected paths whose first line lies in the range), in order.
    """
    missing: set[bytes] = set()
    untracked: set[bytes] = set()
    for start, stop, expected in shards:
        found = listing.within(start, stop)
        if found != expected:
            wanted, there = set(expected), set(found)
            missing |= wanted - there
            untracked |= there - wanted
    spelled = pair_by_normalisation(missing, untracked)
    return Differences(
        missing=frozenset(missing - spelled.keys()),
        untracked=frozenset(untracked - set(spelled.values())),
        spelled=spelled,
    )


def pair_moved(
    missing: Mapping[bytes, tuple[int, bytes]],
    untracked: Mapping[bytes, tuple[int, bytes]],
    held_once: Callable[[bytes], bool],
) -> dict[bytes, bytes]:
    """Pairs missing files with untracked ones that hold their content.

    Args:
        missing, untracked: path -> (size in bytes, sha256).
        held_once: whether the inventory holds a digest at exactly one path; a file with twins may be a copy of one
            of them, so nothing is said of it.

    Returns:
        missing path -> untracked path. Empty files are never paired: any two are alike.
    """
    offered: dict[tuple[int, bytes], list[bytes]] = {}
    for path, content in untracked.items():
        offered.setdefault(content, []).append(path)
    return {
        path: offered[content][0]
        for path, content in missing.items()
        if content[0] > 0 and len(offered.get(content, ())) == 1 and held_once(content[1])
    }


def names_of(
    listing: Listing, differences: Differences, moved: Mapping[bytes, bytes], start: bytes, stop: bytes
) -> Names:
    """What one shard has to know of the listing."""
    if not (differences.missing or differences.untracked or differences.spelled or listing.problems):
        return _NOTHING
    elsewhere = set(moved.values())
    return Names(
        untracked=tuple(
            name for name in listing.within(start, stop) if name in differences.untracked and name not in elsewhere
        ),
        spelled=differences.spelled,
        moved=moved,
        problems=listing.problems_within(start, stop),
    )


_NOTHING = Names()
