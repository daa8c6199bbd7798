"""Writing one copy: every file verified while it is read from its source, the whole read back before it is recorded."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence, Outcome
from checks.findings import Finding
from checks.inventory import Record
from checks.listing import Listing, compare, names_of
from checks.ports import Store, StoreError
from checks.shards import ShardChecker
from preserve.catalog.catalog import Catalog
from preserve.catalog.results import result_of
from preserve.catalog.rows import CheckResult, ShardRow
from preserve.errors import UndeterminedError
from preserve.executors.threads import Pool, Threads
from preserve.replicate.telling import Told
from preserve.stores.limiting import Bucket
from preserve.stores.passing import in_flight_of
from preserve.stores.port import Staging
from preserve.stores.retrying import Again, Retrying

_SPARE_BYTES = 64 << 20  # left free for the file system's own needs
_TRIES, _FIRST_WAIT_SECONDS = 4, 1.0  # of writing one file where no answer comes; the wait doubles
_LAST = b"bagit.txt"  # written last of all, so that no half copy can be taken for a bag


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version of a package can be read: a store and a folder below its root."""

    name: str
    store: Store
    location: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a copy must hold: the shards of an inventory, how to get their records, and large files' digests."""

    shards: Sequence[ShardRow]
    record: Callable[[int], Record]
    whole: Mapping[bytes, bytes]  # path -> sha256 of each segmented file

    @classmethod
    def of(cls, catalog: Catalog, inventory_id: int) -> "Content":
        """What an inventory of the catalog says."""
        return cls(
            shards=catalog.shards(inventory_id),
            record=lru_cache(maxsize=64)(catalog.record),
            whole={entry.path: entry.sha256 for entry in catalog.large_files(inventory_id)},
        )

    def refuse_when_full(self, staging: Staging) -> None:
        """UndeterminedError if the file system has no room for what is not staged yet."""
        needed = _SPARE_BYTES + sum(size - min(staging.size_of(path) or 0, size) for path, size, _ in self.files())
        free = staging.free_bytes()
        if free is not None and needed > free:
            raise UndeterminedError(
                f"not enough room: {needed:,} bytes are needed, {free:,} are free",
                remedy="Make room, then run it again; it goes on.",
            )

    def files(self) -> Iterator[tuple[bytes, int, bytes]]:
        """(path, size in bytes, sha256) of every file, `bagit.txt` last."""
        last: list[tuple[bytes, int, bytes]] = []
        for shard in self.shards:
            for path, segment, size, digest in self.record(shard.id).entries():
                if segment == 0:
                    entry = (path, size, self.whole.get(path, digest))
                    if path == _LAST:
                        last.append(entry)
                    else:
                        yield entry
        yield from last


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    """A file that is wanted, and why each source could not give it."""

    path: bytes
    size_bytes: int
    sha256: bytes
    faults: tuple[str, ...] = ()


class CopyWriter:
    """Fills a staging folder from sources and reads it back.

    Args:
        sources: tried in order for each file; a file that one of them has damaged is taken from the next.
        on_bytes: told of every buffer copied or read back, in bytes.
        pace: of the writing.
        at_once: how many files the place that is written to takes at once with profit.
        sleep: between two tries, where a far side was busy or the line was cut.
    """

    def __init__(
        self,
        sources: Sequence[Place],
        threads: Threads,
        *,
        on_bytes: Callable[[int], None] | None = None,
        pace: Bucket | None = None,
        at_once: int = 1,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._sources = sources
        self._threads = threads
        self._on_bytes = on_bytes or (lambda count: None)
        self._pace = pace
        self._at_once = max([at_once, *(in_flight_of(source.store) for source in sources[:1])])
        self._digester = Digester(("sha256",))
        # One that is not there is asked once: it may have a million files, and each would wait.
        self._again = Again(_TRIES, _FIRST_WAIT_SECONDS, sleep, away_attempts=1)
        self._patient = partial(Retrying, sleep=sleep, away_attempts=1)

    def fill(self, staging: Staging, content: Content) -> list[Unfilled]:
        """Copies what is not staged yet, flushed at the end; gives the files that are good in no source."""
        with self._copying() as pool:
            return self._fill(staging, content, pool)

    @contextmanager
    def _copying(self) -> Iterator[Pool]:
        """The threads that copy: more than there are processors where each answer takes its time."""
        if self._at_once <= 1:
            yield self._threads.shards
            return
        lane = self._threads.lane("copy", max(self._at_once, self._threads.count))
        try:
            yield lane.shards
        finally:
            lane.end(None)

    def _fill(self, staging: Staging, content: Content, pool: Pool) -> list[Unfilled]:
        unfilled: list[Unfilled] = []
        to_copy = (entry for entry in content.files() if staging.size_of(entry[0]) != entry[1])
        last: list[tuple[bytes, int, bytes]] = []
        for batch in _batches(to_copy, 256):
            last += [entry for entry in batch if entry[0] == _LAST]
            jobs = [entry for entry in batch if entry[0] != _LAST]
            copied = pool.map(lambda entry: self._copy(staging, *entry), jobs)
            unfilled += [one for one in copied if one is not None]
        staging.flush()
        for entry in last:
            one = self._copy(staging, *entry)
            unfilled += [one] if one is not None else []
            staging.flush()
        return unfilled

    def _copy(self, staging: Staging, path: bytes, size: int, digest: bytes) -> Unfilled | None:
        wanted = Unfilled(path=path, size_bytes=size, sha256=digest)
        faults: list[str] = []
        for source in self._sources:
            full = source.location + b"/" + path if source.location else path
            fault = self.copy_from(source.store, full, staging, wanted)
            if not fault:
                return None
            faults.append(f"{source.name}: {fault}")
        return replace(wanted, faults=tuple(faults))

    def copy_from(self, store: Store, full: bytes, staging: Staging, wanted: Unfilled) -> str:
        """Copies one file, digested on the way, from `full` below a store's root.

        Where no answer came, either side is asked again a few times: a file that could not be written is read anew.

        Returns:
            why it is not good, and then nothing is staged; empty if it is.
        """
        source, told = self._patient(store), Told(self._on_bytes)
        try:
            times = source.stat(full).modified_ns
            reading = self._again.ask(lambda: self._staged(source, full, staging, wanted, times, told))
        except StoreError as error:
            return str(error)
        except UndeterminedError as error:
            if not isinstance(error.__cause__, NotADirectoryError | IsADirectoryError):
                raise
            return "a file and a folder of one name are in this package, and a disk can have one of them alone"
        same = reading.sound and reading.size_bytes == wanted.size_bytes
        if same and reading.digests["sha256"] == wanted.sha256:
            return ""
        staging.discard(wanted.path)
        return _fault(reading)

    def _staged(
        self, store: Store, full: bytes, staging: Staging, wanted: Unfilled, times: int | None, told: Told
    ) -> Reading:
        told.begin()
        # The source is read whole all the same: its digest decides.
        stands = staging.resumable(wanted.path, wanted.size_bytes)
        opening = staging.file(
            wanted.path,
            times,
            size_bytes=wanted.size_bytes,
            sha256=wanted.sha256,
            offset=min(stands, wanted.size_bytes),
        )
        with opening as sink:

            def sink_and_count(buffer: memoryview) -> None:
                nonlocal stands
                known = min(stands, len(buffer))
                stands -= known
                if known < len(buffer):
                    self._give(buffer[known:], sink)
                told.more(len(buffer))

            return self._digester.read(
                Wanted(
                    path=wanted.path,
                    open=lambda: store.open(full, past_cache=False, expected_bytes=wanted.size_bytes),
                    expected_bytes=wanted.size_bytes,
                    sink=sink_and_count,
                )
            )

    def _give(self, buffer: memoryview, sink: Callable[[memoryview], None]) -> None:
        if self._pace is None:
            sink(buffer)
            return
        while buffer:
            piece = buffer[: self._pace.piece_bytes]
            self._pace.take(len(piece))
            sink(piece)
            buffer = buffer[len(piece) :]

    def read_back(
        self, place: Place, replica: str, content: Content, clock: Callable[[], datetime], required: Evidence
    ) -> list[CheckResult]:
        """Reads a staged or published copy past the cache and judges it, shard by shard."""
        place = replace(place, store=self._patient(place.store))
        with self._reading(place.store) as digester:
            return self._checked(place, replica, digester, content, clock, required)

    @contextmanager
    def _reading(self, store: Store) -> Iterator[Digester]:
        if (at_once := in_flight_of(store)) <= 1:
            yield Digester(("sha256",), self._threads.files)
            return
        lane = self._threads.lane("read-back", 1, at_once)
        try:
            yield Digester(("sha256",), lane.files, parallel_from_bytes=0)
        finally:
            lane.end(None)

    def _checked(
        self,
        place: Place,
        replica: str,
        digester: Digester,
        content: Content,
        clock: Callable[[], datetime],
        required: Evidence,
    ) -> list[CheckResult]:
        checker = ShardChecker(place.store, replica, digester, required=required, on_bytes=self._on_bytes)
        listing = Listing.gather(place.store.listing(place.location))
        differences = compare(listing, ((s.start, s.stop, content.record(s.id).first_paths()) for s in content.shards))

        def check(shard: ShardRow) -> CheckResult:
            started_at = clock()
            names = names_of(listing, differences, {}, shard.start, shard.stop)
            judgement = checker.check(place.location, content.record(shard.id), shard.root, names)
            return result_of(judgement, shard.id, started_at, clock())

        return list(self._threads.shards.map(check, content.shards))


def all_passed(checks: Sequence[CheckResult]) -> bool:
    """Whether every shard was read back good. Asked of outcomes, not of findings, so that silence is no PASS."""
    return bool(checks) and all(check.outcome is Outcome.PASS for check in checks)


def failures(checks: Iterable[CheckResult]) -> list[Finding]:
    """The findings for which checks did not pass; warnings of files that are good are none."""
    return [finding for check in checks for finding in check.findings if finding.meaning.outcome is not Outcome.PASS]


def _batches(entries: Iterable[tuple[bytes, int, bytes]], count: int) -> Iterator[list[tuple[bytes, int, bytes]]]:
    batch: list[tuple[bytes, int, bytes]] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) >= count:
            yield batch
            batch = []
    yield batch


def _fault(reading: Reading) -> str:
    if reading.missing:
        return "not there"
    if reading.problem:
        return f"could not be read ({reading.problem})"
    return "changed while it was read" if reading.changed else "other content than was taken in"
