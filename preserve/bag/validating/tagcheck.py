"""The tag files against the tag manifests (RFC 8493 §2.2.1)."""

from collections.abc import Iterator
from functools import partial

from checks.digesting import Digester, Wanted
from checks.names import pair_by_normalisation, show
from checks.ports import Kind, StoreError
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.manifests import Expected, is_tag_manifest
from preserve.bag.tags.paths import V1_0
from preserve.bag.trees import Tree
from preserve.bag.validating.structure import DATA, Judges, Structure
from preserve.bag.walking import walk


class TagCheck:
    """Judges what tag manifests list. Tag files that none lists are a warning (RFC 8493 §2.2.1)."""

    def __init__(self, tree: Tree, structure: Structure, judges: Judges) -> None:
        self._tree = tree
        self._structure = structure
        self._judge = judges.tags
        self._payload_manifests = {manifest.name for manifest in judges.payload.manifests}
        self._found_at: set[bytes] = set()  # listed under another spelling
        self._digester = Digester(judges.tags.algorithms)
        self._absent: dict[bytes, Expected] = {}
        self._listed: set[bytes] = set()
        self._listing: dict[bytes, set[int]] = {}  # by payload manifest, the columns of the tag manifests that list it

    def findings(self, listed: Iterator[Expected]) -> Iterator[Finding]:
        """Every finding on tag files; `listed` is in bytewise order of path."""
        for expected in listed:
            self._listed.add(expected.path)
            self._judge.tally.listed += 1
            if expected.path in self._payload_manifests:
                self._listing[expected.path] = {claim.column for claim in expected.claims}
            for finding in self._judge.listing(expected):
                if finding.code is not Code.TAG_MANIFESTS_DISAGREE or expected.path not in self._payload_manifests:
                    yield finding
            yield from self._content(expected, expected.path)
        yield from self._unlisted_manifests()
        yield from self._respelled()
        yield from self._unlisted_files()

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
        if self._structure.declared.version < V1_0:
            return
        for name in sorted(self._payload_manifests):
            for manifest in self._judge.manifests:
                if manifest.column not in self._listing.get(name, ()):
                    yield Finding(code=Code.TAG_MANIFEST_INCOMPLETE, file=manifest.name, path=name)

    def _unlisted_files(self) -> Iterator[Finding]:
        """Tag manifests should list all other tag files; what none lists can be changed unseen."""
        manifests = self._judge.manifests
        if self._structure.declared.version < V1_0 or not manifests or self._structure.faulty:
            return
        known = self._listed | self._payload_manifests | self._found_at
        try:
            for seen in walk(self._tree, b"", skip=DATA):
                if seen.kind is Kind.FILE and seen.path not in known and not is_tag_manifest(seen.path):
                    yield Finding(code=Code.TAG_FILE_UNLISTED, path=seen.path)
        except StoreError:
            return  # listing the top folder told

    def _respelled(self) -> Iterator[Finding]:
        pairs: dict[bytes, bytes] = {}
        if self._absent:
            present = (seen.path for seen in walk(self._tree, b"", skip=DATA) if seen.kind is Kind.FILE)
            pairs = pair_by_normalisation(self._absent, (path for path in present if path not in self._listed))
        for path, expected in self._absent.items():
            if path in pairs:
                parameters = {"found_at": show(pairs[path])}
                yield Finding(code=Code.NAME_NORMALISATION, path=path, parameters=parameters)
                self._found_at.add(pairs[path])
                yield from self._content(expected, pairs[path])
            else:
                self._judge.tally.bad += 1
                yield self._judge.missing(expected)
