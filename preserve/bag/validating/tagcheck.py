"""The tag files against the tag manifests (RFC 8493 §2.2.1)."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import Kind, StoreError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.manifests import Expected, is_tag_manifest
from preserve.bag.tags.paths import V1_0
from preserve.bag.tags.tagfiles import cause
from preserve.bag.trees import Tree
from preserve.bag.validating.judging import wrong_kind
from preserve.bag.validating.leftovers import Leftovers
from preserve.bag.validating.structure import DATA, Judges, Structure
from preserve.bag.walking import Seen, position, walk


class TagCheck:
    """Judges what tag manifests list. Tag files that none lists are a warning (RFC 8493 §2.2.1).

    Like a payload's names, listed names and names on disk are merged: memory holds no more of them than a sort does.

    Args:
        links_told: whoever opened the bag tells of links among the tag files (archives do).
    """

    def __init__(self, tree: Tree, structure: Structure, judges: Judges, *, links_told: bool = False) -> None:
        self._tree = tree
        self._structure = structure
        self._judge = judges.tags
        self._links_told = links_told
        self._payload_manifests = {manifest.name for manifest in judges.payload.manifests}
        self._digester = Digester(judges.tags.algorithms)
        self._left = Leftovers()
        self._listing: dict[bytes, set[int]] = {}  # by payload manifest, the columns of the tag manifests that list it
        # Before 1.0 nothing was said of what tag manifests should list; if one could not be read, nothing is known.
        advised = structure.declared.version >= V1_0 and not structure.faulty
        self._advised = advised and bool(judges.tags.manifests)

    def findings(self, listed: Iterator[Expected]) -> Iterator[Finding]:
        """Every finding on tag files; `listed` is in bytewise order of path."""
        with closing(self._left):
            yield from self._merged(listed)
            yield from self._unlisted_manifests()
            yield from self._settled()

    def unread(self) -> Iterator[Finding]:
        """What shows without any manifest: what is no file, and folders that cannot be listed."""
        for seen in self._present():
            if seen.kind is not Kind.FILE:
                yield from self._not_listed(seen)

    def _merged(self, listed: Iterator[Expected]) -> Iterator[Finding]:
        present = self._present()
        seen = next(present, None)
        for expected in listed:
            while seen is not None and position(seen) < expected.path:
                yield from self._not_listed(seen)
                seen = next(present, None)
            if seen is not None and seen.path == expected.path and seen.kind is not Kind.DIRECTORY:
                seen = next(present, None)
            yield from self._listed(expected)
        while seen is not None:
            yield from self._not_listed(seen)
            seen = next(present, None)

    def _present(self) -> Iterator[Seen]:
        """Every name but the payload's."""
        try:
            for seen in walk(self._tree, b"", skip=DATA):
                if seen.path != DATA:  # whatever else stands there was told
                    yield seen
        except StoreError as error:
            yield Seen(b"", Kind.DIRECTORY, cause(error))

    def _listed(self, expected: Expected) -> Iterator[Finding]:
        self._judge.tally.listed += 1
        of_payload = expected.path in self._payload_manifests
        if of_payload:
            self._listing[expected.path] = {claim.column for claim in expected.claims}
        for finding in self._judge.listing(expected):
            if finding.code is not Code.TAG_MANIFESTS_DISAGREE or not of_payload:
                yield finding
        if expected.path in self._structure.faulty:
            self._judge.tally.unread += 1
            return
        reading = self._reading(expected.path)
        if reading.missing:
            self._left.absent(expected)
        else:
            yield from self._judged(expected, reading)

    def _reading(self, path: bytes) -> Reading:
        """That of its lines, if it has been read for them."""
        reading = self._structure.tag_files.readings.get(path)
        if reading is not None:
            return reading
        opening = partial(self._tree.open, path, past_cache=False)
        return self._digester.read(Wanted(path=path, open=opening, expected_bytes=None))

    def _judged(self, expected: Expected, reading: Reading) -> Iterator[Finding]:
        finding = self._judge.content(expected, reading)
        if finding is not None:
            yield finding

    def _not_listed(self, seen: Seen) -> Iterator[Finding]:
        if seen.problem is not None:
            yield Finding(code=Code.LISTING_INCOMPLETE, path=seen.path or None, parameters={"cause": seen.problem})
        elif seen.kind is Kind.FILE:
            self._left.unlisted(seen.path)
        elif seen.kind is not Kind.DIRECTORY and not self._links_told and seen.path not in self._structure.faulty:
            yield wrong_kind(seen.path, seen.kind)

    def _unlisted_manifests(self) -> Iterator[Finding]:
        """Every tag manifest lists every payload manifest, or a changed manifest would show nowhere."""
        if self._structure.declared.version < V1_0:
            return
        for name in sorted(self._payload_manifests):
            for manifest in self._judge.manifests:
                if manifest.column not in self._listing.get(name, ()):
                    yield Finding(code=Code.TAG_MANIFEST_INCOMPLETE, file=manifest.name, path=name)

    def _settled(self) -> Iterator[Finding]:
        """What is missing, what is only spelled differently, and what no tag manifest lists, though each should."""
        for expected, path in self._left.pairs():
            if expected is not None and path is not None:
                parameters = {"found_at": show(path)}
                yield Finding(code=Code.NAME_NORMALISATION, path=expected.path, parameters=parameters)
                yield from self._judged(expected, self._reading(path))
            elif expected is not None:
                self._judge.tally.bad += 1
                yield self._judge.missing(expected)
            elif path is not None and self._unlisted(path):
                yield Finding(code=Code.TAG_FILE_UNLISTED, path=path)

    def _unlisted(self, path: bytes) -> bool:
        """Whether a tag manifest should list this file; that none lists a payload manifest was told."""
        return self._advised and path not in self._payload_manifests and not is_tag_manifest(path)
