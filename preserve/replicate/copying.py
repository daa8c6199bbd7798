"""Writing one copy: every file verified while it is read from its source, the whole read back before it is recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence, Outcome
from checks.findings import Finding
from checks.inventory import Record
from checks.listing import Listing, compare, names_of
from checks.ports import StoreError
from checks.shards import ShardChecker
from preserve.catalog.results import result_of
from preserve.catalog.rows import CheckResult, ShardRow
from preserve.errors import UndeterminedError
from preserve.executors.threads import Threads
from preserve.stores.local import LocalStore
from preserve.stores.staging import Staging

_LAST = b"bagit.txt"  # written last of all, so that no half copy can be taken for a bag


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version of a package can be read: a store and a folder below its root."""

    name: str
    store: LocalStore
    location: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a copy must hold: the shards of an inventory, how to get their records, and large files' digests."""

    shards: Sequence[ShardRow]
    record: Callable[[int], Record]
    whole: Mapping[bytes, bytes]  # path -> sha256 of each segmented file

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


class CopyWriter:
    """Fills a staging folder from sources and reads it back.

    Args:
        sources: tried in order for each file; a file that one of them has damaged is taken from the next.
        on_bytes: told of every buffer copied or read back, in bytes.
    """

    def __init__(
        self, sources: Sequence[Place], threads: Threads, *, on_bytes: Callable[[int], None] | None = None
    ) -> None:
        self._sources = sources
        self._threads = threads
        self._on_bytes = on_bytes or (lambda count: None)
        self._digester = Digester(("sha256",))

    def fill(self, staging: Staging, content: Content) -> None:
        """Copies what is not staged yet, flushed at the end.

        Raises:
            UndeterminedError: a file is good in no source; the staging is left for the next run.
        """
        to_copy = (entry for entry in content.files() if staging.size_of(entry[0]) != entry[1])
        last: list[tuple[bytes, int, bytes]] = []
        for batch in _batches(to_copy, 256):
            last += [entry for entry in batch if entry[0] == _LAST]
            jobs = [entry for entry in batch if entry[0] != _LAST]
            for _ in self._threads.shards.map(lambda entry: self._copy(staging, *entry), jobs):
                pass
        staging.flush()
        for entry in last:
            self._copy(staging, *entry)
            staging.flush()

    def _copy(self, staging: Staging, path: bytes, size: int, digest: bytes) -> None:
        faults: list[str] = []
        for source in self._sources:
            try:
                reading = self._copy_from(source, staging, path, size)
            except StoreError as error:
                faults.append(f"{source.name}: {error}")
                continue
            if reading.sound and reading.size_bytes == size and reading.digests["sha256"] == digest:
                return
            staging.discard(path)
            faults.append(f"{source.name}: {_fault(reading)}")
        raise UndeterminedError(
            f"{path.decode('utf-8', 'backslashreplace')}: no source has it as it was taken in ({'; '.join(faults)})",
            remedy="Nothing was recorded. Run `preserve audit` to learn which copies are good.",
        )

    def _copy_from(self, source: Place, staging: Staging, path: bytes, size: int) -> Reading:
        full = source.location + b"/" + path if source.location else path
        times = source.store.stat(full).modified_ns
        with staging.file(path, times) as sink:

            def sink_and_count(buffer: memoryview) -> None:
                sink(buffer)
                self._on_bytes(len(buffer))

            wanted = Wanted(
                path=path,
                open=lambda: source.store.open(full, past_cache=False, expected_bytes=size),
                expected_bytes=size,
                sink=sink_and_count,
            )
            return self._digester.read(wanted)

    def read_back(
        self, place: Place, replica: str, content: Content, clock: Callable[[], datetime], required: Evidence
    ) -> list[CheckResult]:
        """Reads a staged or published copy past the cache and judges it, shard by shard."""
        checker = ShardChecker(
            place.store, replica, Digester(("sha256",), self._threads.files), required=required, on_bytes=self._on_bytes
        )
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
    """The findings of checks that did not pass."""
    return [finding for check in checks if check.outcome is not Outcome.PASS for finding in check.findings]


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
