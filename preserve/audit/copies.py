"""One copy as an audit sees it: its names listed once, compared with the inventory, and sliced by shard."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from checks.claims import ClaimedStore, ClaimReader
from checks.digesting import Digester, Wanted
from checks.inventory import Record
from checks.listing import Differences, Listing, Names, compare, names_of, pair_moved
from checks.ports import NotFoundError, Store, StoreError, UnavailableError
from preserve.catalog.rows import ShardRow

Name = TypeVar("Name")

_HEAR_EVERY = 64  # names


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What an inventory's shards hold, as the catalog gives it."""

    shards: tuple[ShardRow, ...]
    record: Callable[[int], Record]
    whole: Mapping[bytes, bytes]  # path -> sha256 of each segmented file


@dataclass(frozen=True, slots=True)
class Absent:
    """The replica was not there, and why."""

    cause: str


@dataclass(frozen=True, slots=True)
class CopyGone:
    """The replica was there; the copy's folder was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The copy was there, and this is what its names say."""

    listing: Listing
    differences: Differences
    moved: Mapping[bytes, bytes]

    def names(self, shard: ShardRow) -> Names:
        return names_of(self.listing, self.differences, self.moved, shard.start, shard.stop)


class CopyView:
    """Lists a copy when the first of its shards asks, once; the other shards wait for it.

    Args:
        heard: the monotonic time, asked for as names and buffers come in; what it raises ends the look.
    """

    def __init__(
        self,
        store: Store | None,
        replica: str,
        location: bytes,
        inventory: Callable[[], Inventory],
        heard: Callable[[], float] | None = None,
    ) -> None:
        self.store = store
        self.location = location
        self.heard_at = 0.0  # when the store last gave anything for this look, in monotonic seconds
        self._heard = heard
        self._replica = replica
        self._inventory_of = inventory
        self._lock = threading.Lock()
        self._seen: Absent | CopyGone | Listed | None = None

    def look(self) -> Absent | CopyGone | Listed:
        """What is there. Never raises for what a store does."""
        with self._lock:
            if self._seen is None:
                self._seen = self._look()
            return self._seen

    def _look(self) -> Absent | CopyGone | Listed:
        if (absent := self._absent()) is not None:
            return absent
        assert self.store is not None
        try:
            listing = Listing.gather(self._listened_to(self.store.listing(self.location)))
        except NotFoundError:
            # Gone, or the whole replica went in between: only the identity can tell.
            return self._absent() or CopyGone()
        except StoreError as error:
            return self._absent() or Listed(
                listing=Listing(names=(), odd={}, problems=((b"", error.cause or str(error)),)),
                differences=Differences(missing=frozenset(), untracked=frozenset(), spelled={}),
                moved={},
            )
        inventory = self._inventory_of()
        differences = compare(
            listing, ((s.start, s.stop, inventory.record(s.id).first_paths()) for s in inventory.shards)
        )
        return Listed(listing=listing, differences=differences, moved=self._moved(inventory, listing, differences))

    def _listened_to(self, names: Iterable[Name]) -> Iterable[Name]:
        for number, name in enumerate(names):
            if number % _HEAR_EVERY == 0:
                self._hear(0)
            yield name

    def _hear(self, _: int) -> None:
        if self._heard is not None:
            self.heard_at = self._heard()

    def _absent(self) -> Absent | None:
        if self.store is None:
            return Absent("it is not in the settings")
        try:
            found = self.store.identity()
        except UnavailableError as error:
            return Absent(error.cause or str(error))
        if found != self._replica:
            return Absent(f"it is another replica: its identity is {found}, expected {self._replica}")
        return None

    def _moved(self, inventory: Inventory, listing: Listing, differences: Differences) -> Mapping[bytes, bytes]:
        """Reads only untracked files that are as long as a missing one."""
        if not differences.missing or not differences.untracked:
            return {}
        missing = _contents(inventory, differences.missing)
        wanted_sizes = {size for size, _ in missing.values() if size > 0}
        regular = (path for path in differences.untracked if path not in listing.odd)
        untracked = dict(self._read(sorted(regular), wanted_sizes))
        candidates = {digest for _, digest in untracked.values()} & {digest for _, digest in missing.values()}
        held = _holders(inventory, candidates)
        return pair_moved(missing, untracked, lambda digest: held[digest] == 1)

    def _read(self, paths: Iterable[bytes], sizes: set[int]) -> Iterable[tuple[bytes, tuple[int, bytes]]]:
        assert self.store is not None
        claimed = isinstance(self.store, ClaimedStore)
        digester = ClaimReader(told=self._hear) if claimed else Digester(("sha256",), told=self._hear)
        for path in paths:
            full = self.location + b"/" + path
            try:
                size = self.store.stat(full).size_bytes
            except StoreError:
                continue
            if size in sizes:
                opener = partial(self.store.open, full, past_cache=True)
                reading = digester.read(Wanted(path=path, open=opener, expected_bytes=size))
                if reading.sound:
                    yield path, (reading.size_bytes, reading.digests["sha256"])


def _contents(inventory: Inventory, paths: frozenset[bytes]) -> dict[bytes, tuple[int, bytes]]:
    found: dict[bytes, tuple[int, bytes]] = {}
    for shard in inventory.shards:
        for path, segment, size, digest in inventory.record(shard.id).entries():
            if segment == 0 and path in paths:
                found[path] = (size, inventory.whole.get(path, digest))
    return found


def _holders(inventory: Inventory, digests: set[bytes]) -> Counter[bytes]:
    """At how many paths of the inventory each of these digests is held."""
    held: Counter[bytes] = Counter()
    if digests:
        held.update(digest for digest in inventory.whole.values() if digest in digests)
        for shard in inventory.shards:
            held.update(digest for digest in inventory.record(shard.id).digests if digest in digests)
    return held
