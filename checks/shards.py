"""Reading one shard of a copy and judging it.

The shard is first read without sight of the expected digests; equal roots, and it is good. Only where roots differ are
lines compared, suspects read a second time past the cache, and findings made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding, outcome_of
from checks.inventory import SEGMENT_BYTES, Record, segment_count
from checks.judging import Line, Sight, conclude, describe
from checks.listing import Names
from checks.names import show
from checks.ports import NotFoundError, Store, StoreError, UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of one shard. Counts are lines: files, and each segment of a file over SEGMENT_BYTES.

    `bad` includes untracked files, which are no lines.
    """

    outcome: Outcome
    evidence: Evidence  # the weakest that any line reached
    good: int
    bad: int
    unread: int
    bytes_read: int
    observed_root: bytes | None
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Tally:
    """What one reading after another adds up to."""

    bytes_read: int = 0
    evidence: Evidence = Evidence.READ_MEDIUM
    findings: list[Finding] = field(default_factory=list)
    bad: int = 0
    unread: int = 0
    untracked: int = 0


# A file that grew a little is read, so that its digest can be told; one that grew without end (a log, a sparse file)
# must not keep an audit from the others.
_READ_ANYWAY_BYTES = 64 << 20


class ShardChecker:
    """Reads shards of one replica's copies.

    Args:
        store: where they are read.
        replica: the UUID that the store's identity must show before a reading and after it; else nothing of it counts.
        digester: computes SHA-256 at least.
        required: the least evidence for PASS.
        on_bytes: told of every buffer read, in bytes; what it raises ends the check.
        on_again: told, before anything is read again, how many bytes that will be.
    """

    def __init__(
        self,
        store: Store,
        replica: str,
        digester: Digester,
        *,
        required: Evidence = Evidence.READ,
        on_bytes: Callable[[int], None] | None = None,
        on_again: Callable[[int], None] | None = None,
    ) -> None:
        self._store = store
        self._replica = replica
        self._digester = digester
        self._required = required
        self._on_bytes = on_bytes
        self._on_again = on_again

    def check(self, location: bytes, record: Record, root: bytes, names: Names) -> Judgement:
        """Checks a whole shard of the copy that lies at `location` against its record and root."""
        if (absent := self._absent()) is not None:
            return unavailable(record, absent)
        lines = [Line(*line) for line in record.entries()]
        readings = list(self._digester.observe(self._wanted(location, line, names) for line in lines))
        observed = _observed_root(record, readings)
        tally = _Tally(bytes_read=_bytes(readings), evidence=_weakest(readings))
        if observed != root:
            self._compare(location, lines, readings, names, tally)
            observed = _observed_root(record, readings)
        self._beside(location, record, names, tally)
        return self._judged(location, record, tally, observed, root)

    def check_paths(self, location: bytes, record: Record, paths: Sequence[bytes], names: Names) -> Judgement:
        """Checks only the lines of some paths; nothing is said of the rest or of untracked files."""
        wanted = set(paths)
        chosen = [Line(*line) for line in record.entries() if line[0] in wanted]
        part = Record(
            start=record.start,
            stop=record.stop,
            paths=[line.path for line in chosen],
            sizes=[line.size_bytes for line in chosen],
            digests=[line.sha256 for line in chosen],
            segments=[line.segment for line in chosen],
        )
        return self.check(location, part, part.root(), Names(spelled=names.spelled, moved=names.moved))

    def _wanted(self, location: bytes, line: Line, names: Names) -> Wanted:
        segmented = segment_count(line.size_bytes) > 1
        on_disk = names.spelled.get(line.path, line.path)
        return Wanted(
            path=line.path,
            open=partial(
                self._store.open,
                location + b"/" + on_disk,
                past_cache=True,
                offset=line.segment * SEGMENT_BYTES,
                expected_bytes=line.size_bytes,
            ),
            expected_bytes=line.size_bytes,
            offset=line.segment * SEGMENT_BYTES,
            length=SEGMENT_BYTES if segmented else None,
            most_bytes=None if segmented else line.size_bytes + _READ_ANYWAY_BYTES,
            sink=self._count if self._on_bytes is not None else None,
        )

    def _count(self, buffer: memoryview) -> None:
        if self._on_bytes is not None:
            self._on_bytes(len(buffer))

    def _compare(
        self, location: bytes, lines: Sequence[Line], readings: list[Reading], names: Names, tally: _Tally
    ) -> None:
        """Reads every suspect again and says what it is; one error a path, however many segments are bad.

        The last reading of each takes the place of its first in `readings`.
        """
        said: dict[bytes, Finding] = {}
        for place, line in enumerate(lines):
            seen = [readings[place]]
            if line.sight(seen[0]) is Sight.GOOD:
                continue
            while (sight := conclude(line, seen)) is None:
                if self._on_again is not None:
                    self._on_again(seen[-1].bytes_read)
                seen.append(self._digester.read(self._wanted(location, line, names)))
            readings[place] = seen[-1]
            tally.bytes_read += _bytes(seen[1:])
            tally.bad += sight is Sight.BAD
            tally.unread += sight is Sight.UNREAD
            tally.evidence = min(tally.evidence, _weakest(seen[1:]))
            finding = describe(line, seen, sight, names.moved.get(line.path), self._kind(location, line))
            if finding is not None and (line.path not in said or sight is Sight.BAD):
                said[line.path] = finding
        tally.findings += said.values()

    def _kind(self, location: bytes, line: Line) -> Callable[[], str]:
        def kind() -> str:
            try:
                return self._store.stat(location + b"/" + line.path).kind.value
            except StoreError:
                return "unknown"

        return kind

    def _beside(self, location: bytes, record: Record, names: Names, tally: _Tally) -> None:
        """What stands beside the record: untracked files, folders not listed, names spelled otherwise."""
        for name in names.untracked:
            try:
                found = self._store.stat(location + b"/" + name)
            except NotFoundError:
                continue  # gone since the listing
            except StoreError as error:
                parameters: dict[str, object] = {"cause": error.cause}
            else:
                parameters = {"observed": {"size_bytes": found.size_bytes, "kind": found.kind.value}}
            tally.findings.append(Finding(code=Code.UNTRACKED, path=name, parameters=parameters))
            tally.untracked += 1
        for path in names.spelled.keys() & set(record.first_paths()) if names.spelled else ():
            spelled = {"found_at": show(names.spelled[path])}
            tally.findings.append(Finding(code=Code.NAME_NORMALISATION, path=path, parameters=spelled))
        for folder, cause in names.problems:
            tally.findings.append(Finding(code=Code.LISTING_INCOMPLETE, path=folder, parameters={"cause": cause}))

    def _judged(self, location: bytes, record: Record, tally: _Tally, observed: bytes | None, root: bytes) -> Judgement:
        findings = tally.findings
        # Before anything is believed, that all is good too: is this still the replica?
        if (absent := self._absent()) is not None:
            return unavailable(record, absent)
        if any(f.code is Code.MISSING for f in findings) and self._copy_gone(location):
            return copy_missing(record)
        if tally.evidence < self._required and not tally.unread:
            parameters = {"evidence": tally.evidence.label, "required": self._required.label}
            findings = [*findings, Finding(code=Code.WEAK_EVIDENCE, parameters=parameters)]
        outcome = outcome_of(findings)
        if outcome is Outcome.PASS and observed != root:
            # Cannot happen while comparing and hashing agree; if they ever do not, it is not PASS.
            outcome = Outcome.INCONCLUSIVE
        return Judgement(
            outcome=outcome,
            evidence=Evidence.LISTED if tally.unread else tally.evidence,
            good=len(record.paths) - tally.bad - tally.unread,
            bad=tally.bad + tally.untracked,
            unread=tally.unread,
            bytes_read=tally.bytes_read,
            observed_root=observed if not tally.unread else None,
            findings=tuple(findings),
        )

    def _absent(self) -> str | None:
        try:
            found = self._store.identity()
        except UnavailableError as error:
            return error.cause or str(error)
        if found != self._replica:
            return f"it is another replica: its identity is {found}, expected {self._replica}"
        return None

    def _copy_gone(self, location: bytes) -> bool:
        try:
            self._store.stat(location)
        except NotFoundError:
            return True
        except StoreError:
            return False
        return False


def unavailable(record: Record, cause: str) -> Judgement:
    """The judgement of a shard whose replica was not there: nothing was read, nothing is said of its files."""
    finding = Finding(code=Code.REPLICA_UNAVAILABLE, parameters={"cause": cause})
    return _unjudged(record, finding, unread=len(record.paths))


def copy_missing(record: Record) -> Judgement:
    """The judgement of a shard whose replica is there and whose copy's folder is not."""
    return _unjudged(record, Finding(code=Code.COPY_MISSING), bad=len(record.paths))


def _unjudged(record: Record, finding: Finding, *, bad: int = 0, unread: int = 0) -> Judgement:
    return Judgement(
        outcome=finding.meaning.outcome,
        evidence=Evidence.LISTED,
        good=0,
        bad=bad,
        unread=unread,
        bytes_read=0,
        observed_root=None,
        findings=(finding,),
    )


def _observed_root(record: Record, readings: Sequence[Reading]) -> bytes | None:
    """The root over what was read; None where any line was not read soundly."""
    if not all(reading.sound for reading in readings):
        return None
    seen = Record(
        start=record.start,
        stop=record.stop,
        paths=record.paths,
        segments=record.segments,
        sizes=[reading.size_bytes for reading in readings],
        digests=[reading.digests["sha256"] for reading in readings],
    )
    return seen.root()


def _weakest(readings: Sequence[Reading]) -> Evidence:
    return min((r.evidence for r in readings if r.sound), default=Evidence.READ_MEDIUM)


def _bytes(readings: Sequence[Reading]) -> int:
    return sum(reading.bytes_read for reading in readings)
