"""The payload against its manifests: two ordered streams, names listed and names on disk, merged and read once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from checks.digesting import Digester, Reading, Wanted
from checks.names import pair_by_normalisation, show
from checks.ports import Kind, StoreError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.judging import Judge, missing, wrong_kind
from preserve.bag.manifests import FETCH_COLUMN, Expected
from preserve.bag.trees import Tree
from preserve.bag.walking import Seen
from preserve.progress import Progress


class PayloadCheck:
    """One pass over a payload. Memory holds the names that do not match, nothing of those that do."""

    def __init__(
        self,
        tree: Tree,
        judge: Judge,
        digester: Digester,
        progress: Progress,
        taken: Callable[[Reading], None] | None = None,
    ) -> None:
        self._tree = tree
        self._judge = judge
        self._digester = digester
        self._progress = progress
        self._taken = taken
        self._said: deque[Finding] = deque()  # findings made on the way to the next file that is read
        self._absent: dict[bytes, Expected] = {}
        self._unlisted: list[bytes] = []
        self._blind = b""  # the last folder that could not be listed; the order of both streams makes one enough

    def findings(
        self, listed: Iterator[Expected], present: Iterable[Seen], *, names_known: bool = True
    ) -> Iterator[Finding]:
        """Every finding on the payload's names and contents. Both streams are in bytewise order of path.

        Without `names_known` (a manifest could not be read) nothing is called untracked.
        """
        yield from self._read(self._merged(listed, present))
        pairs = pair_by_normalisation(self._absent, self._unlisted)
        yield from self._read(self._respelled(pairs))
        taken = set(pairs.values())
        for path, expected in self._absent.items():
            if path not in pairs:
                self._judge.tally.bad += 1
                yield missing(expected)
        for path in self._unlisted:
            if path not in taken:
                self._judge.tally.present += 1
                self._size(path)
                if names_known:
                    yield Finding(code=Code.UNTRACKED, path=path)

    def _read(self, files: Iterator[tuple[Expected, bytes]]) -> Iterator[Finding]:
        """Reads files in the order given and judges each; what was said on the way comes first."""
        judge, said, tally, advance = self._judge, self._said, self._judge.tally, self._progress.advance
        waiting: deque[Expected] = deque()
        for reading in self._digester.observe(self._wanted(files, waiting)):
            while said:
                yield said.popleft()
            finding = judge.content(waiting.popleft(), reading)
            advance(files=1, bytes=reading.size_bytes)
            if reading.sound:
                tally.present += 1
                if tally.present_bytes is not None:
                    tally.present_bytes += reading.size_bytes
                if self._taken is not None:
                    self._taken(reading)
            elif not reading.missing and not reading.wrong_kind:
                tally.present += 1
                self._size(reading.path)
            if finding is not None:
                yield finding
        yield from said
        said.clear()

    def _wanted(self, files: Iterator[tuple[Expected, bytes]], waiting: deque[Expected]) -> Iterator[Wanted]:
        opening = self._tree.open
        for expected, path in files:
            waiting.append(expected)
            yield Wanted(path, partial(opening, path, past_cache=False), None, segmented=self._taken is not None)

    def _merged(self, listed: Iterator[Expected], present: Iterable[Seen]) -> Iterator[tuple[Expected, bytes]]:
        """Files that are both listed and present, and those in folders that could not be looked into."""
        names = iter(present)
        seen = next(names, None)
        for expected in self._sound(listed):
            path = expected.path
            while seen is not None and _position(seen) < path:
                self._not_listed(seen)
                seen = next(names, None)
            if seen is not None and seen.path == path and seen.kind is not Kind.DIRECTORY:
                if seen.kind is Kind.FILE:
                    yield expected, path
                else:
                    self._judge.tally.bad += 1
                    self._said.append(wrong_kind(path, seen.kind))
                seen = next(names, None)
            elif self._blind and path.startswith(self._blind):
                yield expected, path
            else:
                self._absent[path] = expected
        while seen is not None:
            self._not_listed(seen)
            seen = next(names, None)

    def _sound(self, listed: Iterator[Expected]) -> Iterator[Expected]:
        """Passes on what a manifest lists, with the faults of its listing told."""
        manifests, tally = len(self._judge.manifests), self._judge.tally
        for expected in listed:
            claims = expected.claims
            if (
                len(claims) != manifests
                or claims[-1].column == FETCH_COLUMN
                or len({c[0] for c in claims}) != manifests
            ):
                self._said.extend(self._judge.listing(expected))
                if claims[0].column == FETCH_COLUMN:
                    continue  # in fetch.txt only; columns are in order, and this is the last
            tally.listed += 1
            yield expected

    def _not_listed(self, seen: Seen) -> None:
        if seen.kind is Kind.FILE:
            self._unlisted.append(seen.path)
        elif seen.kind is not Kind.DIRECTORY:
            self._said.append(wrong_kind(seen.path, seen.kind))
        elif seen.problem is not None:
            self._blind = seen.path + b"/"
            self._judge.tally.present_bytes = None
            cause = {"cause": seen.problem}
            self._said.append(Finding(code=Code.LISTING_INCOMPLETE, path=seen.path, parameters=cause))

    def _respelled(self, pairs: dict[bytes, bytes]) -> Iterator[tuple[Expected, bytes]]:
        for path, found_at in sorted(pairs.items()):
            parameters = {"found_at": show(found_at)}
            self._said.append(Finding(code=Code.NAME_NORMALISATION, path=path, parameters=parameters))
            yield self._absent[path], found_at

    def _size(self, path: bytes) -> None:
        """Adds a file that was not read to the payload's size, by its stat."""
        tally = self._judge.tally
        try:
            size = self._tree.stat(path).size_bytes
        except StoreError:
            tally.present_bytes = None
            return
        if tally.present_bytes is not None:
            tally.present_bytes += size


def _position(seen: Seen) -> bytes:
    """Where a name stands in the order of whole paths: a folder, where its content would."""
    return seen.path + b"/" if seen.kind is Kind.DIRECTORY else seen.path
