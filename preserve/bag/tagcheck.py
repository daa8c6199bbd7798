"""The tag files against the tag manifests (RFC 8493 §2.2.1)."""

from collections.abc import Iterator
from functools import partial

from checks.digesting import Digester, Wanted
from checks.names import pair_by_normalisation, show
from checks.ports import Kind
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.judging import missing
from preserve.bag.manifests import Expected
from preserve.bag.paths import V1_0
from preserve.bag.structure import DATA, Judges, Structure
from preserve.bag.trees import Tree
from preserve.bag.walking import walk


class TagCheck:
    """Judges what tag manifests list. Tag files that none lists are allowed (RFC 8493 §2.2.4)."""

    def __init__(self, tree: Tree, structure: Structure, judges: Judges) -> None:
        self._tree = tree
        self._structure = structure
        self._judge = judges.tags
        self._payload_manifests = {manifest.name for manifest in judges.payload.manifests}
        self._digester = Digester(judges.tags.algorithms)
        self._absent: dict[bytes, Expected] = {}
        self._listed: set[bytes] = set()

    def findings(self, listed: Iterator[Expected]) -> Iterator[Finding]:
        """Every finding on tag files; `listed` is in bytewise order of path."""
        for expected in listed:
            self._listed.add(expected.path)
            self._judge.tally.listed += 1
            yield from self._judge.listing(expected)
            yield from self._content(expected, expected.path)
        yield from self._unlisted_manifests()
        yield from self._respelled()

    def _content(self, expected: Expected, path: bytes) -> Iterator[Finding]:
        if path in self._structure.faulty:
            self._judge.tally.unread += 1
            return
        reading = self._structure.tag_files.readings.get(path)
        if reading is None:
            opening = partial(self._tree.open, path, past_cache=False)
            reading = self._digester.read(Wanted(path=path, open=opening, expected_bytes=None))
        if reading.missing:
            self._absent[path] = expected
            return
        finding = self._judge.content(expected, reading)
        if finding is not None:
            yield finding

    def _unlisted_manifests(self) -> Iterator[Finding]:
        """Every tag manifest lists every payload manifest, or a changed manifest would show nowhere."""
        if self._structure.declared.version < V1_0 or not self._judge.manifests:
            return
        for name in sorted(self._payload_manifests - self._listed):
            yield Finding(code=Code.TAG_MANIFEST_INCOMPLETE, path=name)

    def _respelled(self) -> Iterator[Finding]:
        pairs: dict[bytes, bytes] = {}
        if self._absent:
            present = (seen.path for seen in walk(self._tree, b"", skip=DATA) if seen.kind is Kind.FILE)
            pairs = pair_by_normalisation(self._absent, (path for path in present if path not in self._listed))
        for path, expected in self._absent.items():
            if path in pairs:
                parameters = {"found_at": show(pairs[path])}
                yield Finding(code=Code.NAME_NORMALISATION, path=path, parameters=parameters)
                yield from self._content(expected, pairs[path])
            else:
                self._judge.tally.bad += 1
                yield missing(expected)
