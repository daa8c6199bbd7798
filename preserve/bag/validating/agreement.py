"""A bag's manifests, as they lie at a copy, against what is expected of the files elsewhere: no file is read for it.

What is expected is taken as one manifest more, sorted among the bag's own.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from checks.algorithms import normalised
from checks.inventory import Entry
from checks.ports import Store, StoreError
from preserve.bag.finding import Finding
from preserve.bag.tags import declaration
from preserve.bag.tags.declaration import Declaration
from preserve.bag.tags.lines import as_utf8, split_lines
from preserve.bag.tags.manifests import Expected, Manifest, ManifestReader, grouped, manifests_among, record
from preserve.bag.tags.paths import PAYLOAD
from preserve.ordering import Sorter

_EXPECTED = 0xFFFE  # the column of what is expected; after all manifests'
_ALGORITHM = normalised("sha256")
_CHUNK_BYTES = 1 << 18


class Way(StrEnum):
    """In what way catalog and manifests do not agree."""

    DIGEST = "digest"  # another digest
    NOT_LISTED = "not-listed"  # a payload file that no payload manifest lists
    NOT_EXPECTED = "not-expected"  # listed, and not in the catalog
    UNREADABLE = "unreadable"  # a manifest, or a line of it, says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One file of which catalog and manifests do not say the same. Digests are SHA-256 in hex, or empty."""

    way: Way
    path: bytes  # from the bag's root
    manifest: bytes = b""  # which says it
    line: int | None = None
    expected: str = ""  # by the catalog
    listed: str = ""
    why: str = ""  # showable: what cannot be read, or is no line


@dataclass(slots=True)
class Compared:
    """How much a comparison could say: of so many files expected, so many by their digest."""

    files: int = 0
    by_digest: int = 0


def disagreements(
    store: Store, location: bytes, entries: Iterable[Entry], compared: Compared | None = None
) -> Iterator[Disagreement]:
    """Compares the bag at that place of a store with what is expected in it, in order of path.

    Only SHA-256 can be compared without reading the files; of other manifests' lines only the names count. Tag files
    need not be listed. A manifest is taken at its word here, whether or not it is the one that was taken in.

    Args:
        entries: in any order.
        compared: is filled meanwhile.

    Raises:
        OSError: the temporary folder is full (what is too much for memory is sorted there).
    """
    compared = Compared() if compared is None else compared
    with closing(Sorter()) as sorter:
        top = []
        for path, _, sha256, _ in entries:
            sorter.add(record(path, _EXPECTED, 0, sha256))
            compared.files += 1
            if b"/" not in path:
                top.append(path)
        reading = _Reading(store, location, sorter)
        manifests = manifests_among(top)
        for manifest in manifests:
            yield from reading.take(manifest)
        judging = _Judging(manifests, compared, names_known=reading.names_known)
        for expected in grouped(sorter):
            yield from judging.judge(expected)


class _Reading:
    """Reads manifests into the sorter."""

    def __init__(self, store: Store, location: bytes, sorter: Sorter) -> None:
        self._store = store
        self._location = location
        self._sorter = sorter
        self._declared: Declaration | None = None
        self.names_known = True  # of the payload: every payload manifest could be read

    def take(self, manifest: Manifest) -> Iterator[Disagreement]:
        """What keeps a manifest from being read, and which of its lines say nothing."""
        try:
            declared = self._declaration()
            reader = ManifestReader(manifest, declared.version, declared.encoding)
            for item in reader.read(split_lines(as_utf8(self._chunks(manifest.name), declared.codec))):
                if isinstance(item, bytes):
                    self._sorter.add(item)
                else:
                    yield from _not_understood(manifest, item)
        except (StoreError, UnicodeError) as error:
            self.names_known = self.names_known and not manifest.of_payload
            why = getattr(error, "cause", "") or str(error)
            yield Disagreement(way=Way.UNREADABLE, path=manifest.name, manifest=manifest.name, why=why)

    def _declaration(self) -> Declaration:
        """How the bag's names are written; as far as it says nothing, as version 1.0."""
        if self._declared is None:
            content = b""
            for chunk in self._chunks(declaration.NAME):
                content += chunk
                if len(content) > declaration.LIMIT_BYTES:
                    break
            self._declared = declaration.parse(content[: declaration.LIMIT_BYTES])
        return self._declared

    def _chunks(self, name: bytes) -> Iterator[bytes]:
        path = b"%s/%s" % (self._location, name) if self._location else name
        with closing(self._store.open(path, past_cache=False)) as source:
            buffer = memoryview(bytearray(_CHUNK_BYTES))
            while got := source.readinto(buffer):
                yield bytes(buffer[:got])


def _not_understood(manifest: Manifest, found: Finding) -> Iterator[Disagreement]:
    """A line of which nothing was taken; what was only written oddly was taken."""
    if found.path is None and found.severity == "error":
        yield Disagreement(
            way=Way.UNREADABLE, path=manifest.name, manifest=manifest.name, line=found.line, why=found.message
        )


class _Judging:
    """Judges the files one by one."""

    def __init__(self, manifests: Iterable[Manifest], compared: Compared, *, names_known: bool) -> None:
        self._manifests = {manifest.column: manifest for manifest in manifests}
        self._compared = compared
        self._of_payload = names_known and any(manifest.of_payload for manifest in self._manifests.values())

    def judge(self, file: Expected) -> Iterator[Disagreement]:
        claims = [claim for claim in file.claims if claim.column != _EXPECTED]
        expected = next((claim.digest for claim in file.claims if claim.column == _EXPECTED), None)
        if expected is None:
            first = claims[0]
            name = self._manifests[first.column].name
            yield Disagreement(way=Way.NOT_EXPECTED, path=file.path, manifest=name, line=first.line)
            return
        if not claims and self._of_payload and file.path.startswith(PAYLOAD):
            yield Disagreement(way=Way.NOT_LISTED, path=file.path, expected=expected.hex())
        told = [claim for claim in claims if claim.digest and self._manifests[claim.column].algorithm == _ALGORITHM]
        self._compared.by_digest += bool(told)
        for claim in told:
            if claim.digest != expected:
                yield Disagreement(
                    way=Way.DIGEST,
                    path=file.path,
                    manifest=self._manifests[claim.column].name,
                    line=claim.line,
                    expected=expected.hex(),
                    listed=claim.digest.hex(),
                )
