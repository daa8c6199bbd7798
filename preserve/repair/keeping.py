"""What `safe-to-delete` asks the catalog: where else each content is expected, and how well that is known."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from checks.findings import Code
from checks.inventory import position
from checks.keeping import Because, Held, Rule, Staying, judge
from checks.ports import Kind, Store, StoreError
from checks.verdicts import CopyState, state_from
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, HeldFile
from preserve.repair.surveying import Content, Seen

_LAST_SEGMENT = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the settings say of a replica, as far as it matters here."""

    site: str | None
    apart: bool  # whether it stays when the path is deleted
    store: Store | None = None  # if it is there now
    may_be_away: bool = False  # then what was read there counts all the same
    frozen: bool = False  # so much changed there that nothing of it is trusted
    alone: bool = False  # no other replica can show its files: which file it is need not be kept, for millions


class Keeping:
    """Where the catalog expects contents, and how well each of these places is known.

    Args:
        sites: by the name of each replica that counts at all; copies elsewhere are passed over.
    """

    def __init__(self, catalog: Catalog, sites: Mapping[str, Site]) -> None:
        self._catalog = catalog
        self._sites = sites
        self._copies: dict[int, list[CopyRow]] = {}
        for copy in catalog.copies():
            if copy.replica in sites:
                self._copies.setdefault(copy.inventory_id, []).append(copy)
        self._known = lru_cache(maxsize=16)(self._look_up)

    def held(self, contents: Iterable[Content]) -> Mapping[Content, frozenset[Held]]:
        """All places of each of these contents. Those who ask name millions: what they named is kept, once."""
        held: dict[Content, frozenset[Held]] = dict.fromkeys(contents, frozenset())
        same: dict[frozenset[Held], frozenset[Held]] = {}  # few differ, and there are many files
        for file in self._catalog.holding(held.keys()):
            content = file.size_bytes, file.sha256
            places = held[content].union(self._places(file))
            held[content] = same.setdefault(places, places)
        return held

    def _look_up(self, inventory_id: int) -> "_Known":
        return _Known(self._catalog, inventory_id, self._copies[inventory_id])

    def _places(self, file: HeldFile) -> Iterator[Held]:
        if file.inventory_id not in self._copies:
            return
        known = self._known(file.inventory_id)
        for copy in known.copies:
            read_at = known.read_at(copy.id, file.path)
            state = state_from(known.findings(copy.id, file.path), read=read_at is not None)
            here = self._sites[copy.replica]
            stands, identity = _stands(here, copy.location + b"/" + file.path, file.size_bytes)
            if here.frozen or not stands:
                state = max(state, CopyState.UNREAD, key=_DOUBT.index)
            yield Held(
                replica=copy.replica, site=here.site, read_at=read_at, state=state, apart=here.apart, file=identity
            )


_DOUBT = [CopyState.GOOD, CopyState.UNREAD, CopyState.BAD]


def _stands(here: Site, path: bytes, size_bytes: int) -> tuple[bool, tuple[int, int] | None]:
    """Whether the file stands where it was read, as far as a look can tell: what was read may be gone since.

    And which file it is (device and inode), where another replica may show the same one.
    """
    if here.store is None:
        return here.may_be_away, None
    try:
        found = here.store.stat(path)
    except StoreError:
        return False, None
    stands = found.kind is Kind.FILE and found.size_bytes == size_bytes
    token = found.token
    return stands, None if here.alone or not isinstance(token, tuple) else token[:2]


class _Known:
    """What is known of the copies of one inventory: when their shards were read, and what was found.

    The findings are asked for last: what a check finds meanwhile is then seen before its time is.
    """

    def __init__(self, catalog: Catalog, inventory_id: int, copies: Sequence[CopyRow]) -> None:
        self.copies = copies
        shards = catalog.shards(inventory_id)
        self._starts = [shard.start for shard in shards]
        times = catalog.read_times([copy.id for copy in copies])
        self._times = {copy.id: [times.get((copy.id, shard.id)) for shard in shards] for copy in copies}
        self._found: dict[tuple[int, bytes | None], list[Code]] = {}
        self._unlisted: dict[int, list[bytes]] = {}
        for row in catalog.findings([copies[0].package_id]):
            self._found.setdefault((row.copy_id, row.finding.path), []).append(row.code)
            if row.code is Code.LISTING_INCOMPLETE and row.finding.path is not None:
                self._unlisted.setdefault(row.copy_id, []).append(row.finding.path.rstrip(b"/") + b"/")

    def read_at(self, copy_id: int, path: bytes) -> datetime | None:
        """When all of a file was last read there: by its oldest shard; None if one was never read."""
        first = bisect_right(self._starts, position(path)) - 1
        last = bisect_left(self._starts, position(path, _LAST_SEGMENT))
        times = self._times[copy_id][first:last]
        read = [at for at in times if at is not None]
        return min(read) if read and len(read) == len(times) else None

    def findings(self, copy_id: int, path: bytes) -> list[Code]:
        """The open findings on a file; those of the whole copy, or of a folder, speak of every file in it."""
        codes = [*self._found.get((copy_id, None), ()), *self._found.get((copy_id, path), ())]
        if any(path.startswith(folder) for folder in self._unlisted.get(copy_id, ())):
            codes.append(Code.LISTING_INCOMPLETE)
        return codes


def judge_all(
    seen: Iterable[Seen],
    held_of: Callable[[Iterable[Content]], Mapping[Content, frozenset[Held]]],
    rule: Rule,
    now: datetime,
) -> tuple[int, int, list[Staying]]:
    """(names, bytes, those that must stay): the catalog is asked once, for all that was seen."""
    names = list(seen)
    held = held_of(each.content for each in names if each.content is not None)
    judged: dict[frozenset[Held], Because] = {}
    stay: list[Staying] = []
    size = 0
    for each in names:
        if each.content is None:
            reasons = () if each.reason is None else (each.reason,)
            stay.append(Staying(each.path, None, Because(reasons, 0, 0), each.problem, ()))
            continue
        size += each.content[0]
        places = held[each.content]
        because = judged.get(places)
        if because is None:
            because = judged[places] = judge(places, rule, now)
        if not because.safe:
            stay.append(Staying(each.path, each.content[0], because, "", sorted(places, key=lambda one: one.replica)))
    stay.sort(key=lambda each: each.path)
    return len(names), size, stay
