"""The payload against its manifests: two ordered streams, names listed and names on disk, merged and read once."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.manifests import FETCH_COLUMN, Expected
from preserve.bag.trees import Tree
from preserve.bag.validating.judging import Judge, fetched_lengths, untracked, wrong_kind
from preserve.bag.validating.leftovers import Leftovers
from preserve.bag.validating.renamed import renamed
from preserve.bag.walking import Seen, position
from preserve.progress import Progress

_SAID = 1000  # findings that wait in memory for the next file that is read

Files = Iterator[tuple[Expected, bytes] | None]  # what is listed, and where it lies; None lets what was said pass


class PayloadCheck:
    """One pass over a payload. Memory holds nothing of the names that match, and no more of the others than a sort.

    Args:
        digester: reads the files; None looks only whether they are there, and how large.
        taken: gets every sound reading.
    """

    def __init__(
        self,
        tree: Tree,
        judge: Judge,
        digester: Digester | None,
        progress: Progress,
        taken: Callable[[Reading], None] | None = None,
    ) -> None:
        self._tree = tree
        self._judge = judge
        self._digester = digester
        self._progress = progress
        self._taken = taken
        self._said: deque[Finding] = deque()  # findings made on the way to the next file that is read
        self._left = Leftovers()
        self._blind = b""  # the last folder that could not be listed; the order of both streams makes one enough

    def say(self, finding: Finding) -> None:
        """Something seen beside on the way; it is handed on in its place among the findings."""
        self._said.append(finding)

    def findings(
        self, listed: Iterator[Expected], present: Iterable[Seen], *, names_known: bool = True
    ) -> Iterator[Finding]:
        """Every finding on the payload's names and contents. Both streams are in bytewise order of path.

        Without `names_known` (a manifest could not be read) nothing is called untracked.
        """
        with closing(self._left):
            yield from self._judged(self._merged(listed, present))
            yield from self._judged(self._settled(names_known=names_known))

    def _judged(self, files: Files) -> Iterator[Finding]:
        """Judges files in the order given; what was said on the way comes first."""
        look = self._listed_only if self._digester is None else partial(self._read, self._digester)
        more = True
        while more:
            more = yield from look(files)
            yield from self._said
            self._said.clear()

    def _read(self, digester: Digester, files: Files) -> Generator[Finding, None, bool]:
        """Reads files until there are no more (False) or much was said meanwhile (True)."""
        judge, said, tally, advance = self._judge, self._said, self._judge.tally, self._progress.advance
        wanted = _Wanted(self._tree, files, segmented=self._taken is not None)
        for reading in digester.observe(wanted):
            while said:
                yield said.popleft()
            expected = wanted.waiting.popleft()
            finding = judge.content(expected, reading)
            advance(files=1)
            if reading.sound:
                tally.add(reading.size_bytes)
                if self._taken is not None:
                    self._taken(reading)
            elif not reading.missing and not reading.wrong_kind:
                self._size(reading.path)
            if finding is not None:
                yield finding
            if expected.claims[-1][0] == FETCH_COLUMN and reading.sound:
                yield from fetched_lengths(expected, reading.size_bytes)
        return wanted.paused

    def _listed_only(self, files: Files) -> Generator[Finding, None, bool]:
        """Looks at files, reads none; see `_read`."""
        for file in files:
            if file is None:
                return True
            yield from self._said
            self._said.clear()
            expected, path = file
            try:
                seen = self._tree.stat(path)
            except NotFoundError:
                self._judge.tally.bad += 1
                yield self._judge.missing(expected)
                continue
            except StoreError as error:
                self._judge.tally.unread += 1
                self._judge.tally.add(None)
                yield self._judge.unreadable(expected, error.cause or str(error))
                continue
            if seen.kind is not Kind.FILE:
                self._judge.tally.bad += 1
                yield self._judge.wrong_kind(expected, seen.kind)
                continue
            self._judge.tally.unread += 1  # its content is not known
            self._judge.tally.add(seen.size_bytes)
            yield from fetched_lengths(expected, seen.size_bytes)
            self._progress.advance(files=1)
        return False

    def _merged(self, listed: Iterator[Expected], present: Iterable[Seen]) -> Files:
        """Files that are both listed and present, and those in folders that could not be looked into."""
        names = iter(present)
        seen = next(names, None)
        for expected in self._sound(listed):
            path = expected.path
            if len(self._said) > _SAID:
                yield None
            while seen is not None and position(seen) < path:
                self._not_listed(seen)
                seen = next(names, None)
                if len(self._said) > _SAID:
                    yield None
            if seen is not None and seen.path == path and seen.kind is not Kind.DIRECTORY:
                if seen.kind is Kind.FILE:
                    yield expected, path
                else:
                    self._judge.tally.bad += 1
                    self._said.append(self._judge.wrong_kind(expected, seen.kind))
                seen = next(names, None)
            elif self._blind and path.startswith(self._blind):
                yield expected, path
            else:
                self._left.absent(expected)
        while seen is not None:
            self._not_listed(seen)
            seen = next(names, None)
            if len(self._said) > _SAID:
                yield None

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
            self._left.unlisted(seen.path)
        elif seen.kind is not Kind.DIRECTORY:
            self._said.append(wrong_kind(seen.path, seen.kind))
        elif seen.problem is not None:
            self._blind = seen.path + b"/"
            self._judge.tally.present_bytes = None
            cause = {"cause": seen.problem}
            self._said.append(Finding(code=Code.LISTING_INCOMPLETE, path=seen.path, parameters=cause))

    def _settled(self, *, names_known: bool) -> Files:
        """Says what is missing and what untracked; one only spelled differently is still to be read."""
        found_at: dict[bytes, bytes] = {}
        if self._digester is not None and names_known:
            found_at = renamed(self._left, self._tree, self._digester, self._judge.algorithm_of)
        listed_as = {path: name for name, path in found_at.items()}
        for expected, path in self._left.pairs():
            if expected is not None and path is not None:
                parameters = {"found_at": show(path)}
                self._said.append(Finding(code=Code.NAME_NORMALISATION, path=expected.path, parameters=parameters))
                yield expected, path
            elif expected is not None:
                self._judge.tally.bad += 1
                self._said.append(self._absent(expected, found_at.get(expected.path)))
            elif path is not None:
                self._size(path)
                if names_known:
                    self._said.append(untracked(path, listed_as.get(path)))
            if len(self._said) > _SAID:
                yield None

    def _absent(self, expected: Expected, found_at: bytes | None) -> Finding:
        """There is no such file; a folder may have that name, and a manifest lists no folders (RFC 8493 §2.1.3)."""
        try:
            if self._tree.stat(expected.path).kind is Kind.DIRECTORY:
                return self._judge.wrong_kind(expected, Kind.DIRECTORY)
        except StoreError:
            pass  # the usual case: nothing has that name
        return self._judge.missing(expected, found_at)

    def _size(self, path: bytes) -> None:
        """Adds a file that was not read to the payload's size, by its stat."""
        try:
            self._judge.tally.add(self._tree.stat(path).size_bytes)
        except StoreError:
            self._judge.tally.add(None)


class _Wanted:
    """Files to be read, as the digester takes them, until the next pause; who waits for a reading stands in line."""

    def __init__(self, tree: Tree, files: Files, *, segmented: bool) -> None:
        self._tree = tree
        self._files = files
        self._segmented = segmented
        self.waiting: deque[Expected] = deque()
        self.paused = False

    def __iter__(self) -> Iterator[Wanted]:
        opening, waiting, segmented = self._tree.open, self.waiting, self._segmented
        for file in self._files:
            if file is None:
                self.paused = True
                return
            expected, path = file
            waiting.append(expected)
            yield Wanted(path, partial(opening, path, past_cache=False), None, segmented=segmented)
