"""What a manifest says of a file against what was read of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checks.digesting import Reading
from checks.names import show
from checks.ports import Kind
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.manifests import FETCH_COLUMN, Claim, Expected, Manifest
from preserve.bag.tags.paths import V1_0, Version

_KINDS = {Kind.SYMLINK: "a symbolic link", Kind.OTHER: "a device, FIFO or socket", Kind.DIRECTORY: "a folder"}


@dataclass(slots=True)
class Tally:
    """Counts of one kind of files (payload or tag files), as the check goes on."""

    listed: int = 0
    good: int = 0
    bad: int = 0
    unread: int = 0
    bytes_read: int = 0
    present: int = 0  # regular files on disk, listed or not
    present_bytes: int | None = 0  # None: the size of one of them is not known

    def add(self, size_bytes: int | None) -> None:
        """One more regular file on disk; None if its size is not known."""
        self.present += 1
        if self.present_bytes is not None:
            self.present_bytes = None if size_bytes is None else self.present_bytes + size_bytes


class Judge:
    """Judges files of one bag against the manifests of one kind."""

    def __init__(self, manifests: Sequence[Manifest], version: Version) -> None:
        self.manifests = manifests
        self.tally = Tally()
        self._version = version
        self._uneven = False  # whether it was said that one manifest lists more than another
        self._by_column = {manifest.column: manifest for manifest in manifests}
        self._algorithms = {m.column: m.algorithm for m in manifests if m.digest_bytes}

    @property
    def algorithms(self) -> list[str]:
        """What must be computed of every file, each once."""
        return list(dict.fromkeys(self._algorithms.values()))

    def discount(self, manifest: Manifest) -> None:
        """A manifest that could not be read to its end: what it does not list says nothing."""
        self.manifests = [each for each in self.manifests if each is not manifest]

    def listing(self, expected: Expected) -> Iterator[Finding]:
        """Faults of the listing itself: twice in one manifest, in one manifest and not in another."""
        path, claims = expected
        counted = Counter(claim.column for claim in claims)
        fetched = counted.pop(FETCH_COLUMN, 0)
        if not counted and fetched:
            line = claims[0].line
            yield Finding(code=Code.FETCH_UNLISTED, file=b"fetch.txt", line=line, path=path)
            return
        for manifest in self.manifests:
            times = counted[manifest.column]
            if times > 1:
                yield self._repeated(manifest, path, [c for c in claims if c.column == manifest.column])
            elif times == 0 and self._version >= V1_0:
                code = Code.MANIFESTS_DISAGREE if manifest.of_payload else Code.TAG_MANIFESTS_DISAGREE
                yield self._found(code, expected, manifest=show(manifest.name))
            elif times == 0 and manifest.of_payload and not self._uneven:
                self._uneven = True  # was allowed then, and would be said of every file
                yield self._found(Code.MANIFESTS_UNEVEN, expected, manifest=show(manifest.name))
        if fetched > 1:
            line = [claim.line for claim in claims if claim.column == FETCH_COLUMN][1]
            yield Finding(code=Code.FETCH_REPEATED, file=b"fetch.txt", line=line, path=path)

    def _repeated(self, manifest: Manifest, path: bytes, claims: Sequence[Claim]) -> Finding:
        same = len({claim.digest for claim in claims}) == 1 and self._version < V1_0
        code = Code.REPEATED_ENTRY if same else Code.DUPLICATE_ENTRY
        return Finding(code=code, file=manifest.name, line=claims[1].line, path=path)

    def content(self, expected: Expected, reading: Reading) -> Finding | None:
        """One finding at most for a file: what was read of it against every manifest's claim."""
        if not reading.sound:
            return self._not_read(expected, reading)
        self.tally.bytes_read += reading.size_bytes
        digests, algorithms = reading.digests, self._algorithms
        judged = False
        for column, _, digest in expected.claims:
            if digest and column != FETCH_COLUMN:
                if digests[algorithms[column]] != digest:
                    self.tally.bad += 1
                    return self._mismatch(expected, reading)
                judged = True
        if judged:
            self.tally.good += 1
            return None
        self.tally.unread += 1
        return self._found(Code.NOT_JUDGED, expected) if algorithms else None

    def algorithm_of(self, column: int) -> str | None:
        """That of a manifest, None if it is not known here."""
        return self._algorithms.get(column)

    def missing(self, expected: Expected, found_at: bytes | None = None) -> Finding:
        """The file is listed and not there; that fetch.txt lists it does not make it present.

        `found_at` is an unlisted file that has its content.
        """
        fetched = expected.claims[-1].column == FETCH_COLUMN
        note = ""
        if fetched:
            line = expected.claims[-1].line
            note = f"; it can be fetched from the URL in fetch.txt line {line} (preserve itself never fetches)"
        if found_at is not None:
            note = f"; its content lies under the name {show(found_at)}"
        return self._found(Code.MISSING, expected, note=note)

    def wrong_kind(self, expected: Expected, kind: Kind) -> Finding:
        """It is listed, and a link, device, FIFO, socket or folder stands there; see `wrong_kind`."""
        return self._found(Code.WRONG_KIND, expected, kind=_KINDS.get(kind, str(kind)))

    def unreadable(self, expected: Expected, cause: str) -> Finding:
        """It is listed, and could not be read."""
        return self._found(Code.UNREADABLE, expected, cause=cause)

    def _found(self, code: Code, expected: Expected, **parameters: object) -> Finding:
        """A finding on a listed file, with the manifest's line that lists it."""
        manifest = self._by_column.get(expected.claims[0].column)
        file, line = (None, None) if manifest is None else (manifest.name, expected.claims[0].line)
        return Finding(code=code, file=file, line=line, path=expected.path, parameters=parameters)

    def _not_read(self, expected: Expected, reading: Reading) -> Finding:
        if reading.missing:
            self.tally.bad += 1
            return self.missing(expected)
        if reading.wrong_kind:
            self.tally.bad += 1
            return self._found(Code.WRONG_KIND, expected, kind="a folder, link, device or FIFO")
        self.tally.unread += 1
        if reading.changed:
            return self._found(Code.CHANGED_WHILE_READ, expected)
        return self._found(Code.UNREADABLE, expected, cause=reading.problem)

    def _mismatch(self, expected: Expected, reading: Reading) -> Finding:
        known = self._by_column
        named = [(known[claim.column], claim) for claim in expected.claims if claim.digest and claim.column in known]
        wrong = [(manifest, claim) for manifest, claim in named if reading.digests[manifest.algorithm] != claim.digest]
        manifest, claim = wrong[0]
        observed: dict[str, object] = {m.algorithm: reading.digests[m.algorithm].hex() for m, _ in wrong}
        right = [show(m.name) for m, _ in named if all(m is not other for other, _ in wrong)]
        note = f"; {', '.join(right)} says so, however: look at this manifest" if right else ""
        return Finding(
            code=Code.DIGEST_MISMATCH,
            file=manifest.name,
            line=claim.line,
            path=expected.path,
            expected={m.algorithm: c.digest.hex() for m, c in wrong},
            observed=observed | {"size_bytes": reading.size_bytes},
            parameters={"size_bytes": f"{reading.size_bytes:,}", "note": note},
        )


def untracked(path: bytes, listed_as: bytes | None) -> Finding:
    """A file that is there and not listed; `listed_as` is the name of a missing one that has its content."""
    note = f"; its content is that of {show(listed_as)}, which is missing" if listed_as is not None else ""
    return Finding(code=Code.UNTRACKED, path=path, parameters={"note": note})


def fetched_lengths(expected: Expected, size_bytes: int) -> Iterator[Finding]:
    """The lengths that fetch.txt states of a file that is here. None is a promise (RFC 8493 §5.3), so it is a warning.

    A length is compared as digits: it may have thousands of them.
    """
    for claim in expected.claims:
        if claim.column == FETCH_COLUMN and claim.digest and claim.digest != b"%d" % size_bytes:
            stated = claim.digest[:40].decode("ascii")
            yield Finding(
                code=Code.FETCH_LENGTH_MISMATCH,
                file=b"fetch.txt",
                line=claim.line,
                path=expected.path,
                expected={"size_bytes": int(stated)},
                observed={"size_bytes": size_bytes},
                parameters={"stated": stated, "size": size_bytes},
            )


def wrong_kind(path: bytes, kind: Kind) -> Finding:
    """A link, device, FIFO or socket; it is not followed, opened or waited for."""
    return Finding(code=Code.WRONG_KIND, path=path, parameters={"kind": _KINDS.get(kind, str(kind))})
