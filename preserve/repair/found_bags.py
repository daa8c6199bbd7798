"""Bags that lie on a replica: what their folder, their tag files and their manifests say of them."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from uuid import UUID

from checks.digesting import Digester, Pool, Reading, Wanted
from checks.evidence import Outcome
from checks.ports import Kind, StoreError
from preserve.bag.finding import Finding
from preserve.bag.tags import declaration
from preserve.bag.tags.info import InfoEntry
from preserve.bag.tags.manifests import FETCH_COLUMN, Expected, Manifest, grouped, manifests_among
from preserve.bag.trees import Tree
from preserve.bag.validating.judging import Judge
from preserve.bag.validating.structure import DATA, Judges, Structure
from preserve.bag.walking import walk
from preserve.ordering import Sorter
from preserve.stores.locations import location, named_by
from preserve.stores.port import ReplicaStore

Claim = Mapping[str, bytes]  # algorithm -> digest; what manifests say of one file
UUID_LABEL = "Package-UUID"

_VERSION = re.compile(r"\.v([1-9][0-9]{0,8})\Z")
_UNLISTED_BYTES = 1 << 30  # a tag file that no manifest lists is read up to here, lest one without end hold all up
_MOST_LEVELS = 16  # below the root, as where what stands there is looked through
_MOST_FOLDERS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A replica that is there, as the catalog knows it. `uuid` is what its identity must show."""

    id: int
    name: str
    uuid: str
    store: ReplicaStore


@dataclass(slots=True, kw_only=True)
class FoundBag:
    """One folder. `seen` has its sound tag files once `read_tag_files` was called.

    `stated` is the External-Identifier of its bag-info.txt; empty if there is none, or it names no folder.
    """

    holder: Holder
    location: bytes
    store: Tree
    identifier: str
    version: int
    stated: str
    uuid: UUID | None
    tags: dict[bytes, Claim]  # what the tag manifests say, by path
    faulty: frozenset[bytes]  # manifests that cannot be read as such, or contradict themselves
    manifests: tuple[Manifest, ...]
    seen: dict[bytes, Reading]

    @property
    def algorithms(self) -> set[str]:
        """Those that its manifests use and that can be computed here."""
        return {manifest.algorithm for manifest in self.manifests if manifest.digest_bytes}

    def read_tag_files(self, algorithms: Iterable[str]) -> None:
        """Reads all but the payload, each file once. What cannot be read is not in `seen`."""
        digester = Digester(("sha256", *sorted(set(algorithms) - {"sha256"})))
        try:
            for found in walk(self.store, b"", skip=DATA):
                if found.kind is not Kind.FILE or found.problem is not None:
                    continue
                reading = digester.read(
                    Wanted(
                        path=found.path,
                        open=partial(self.store.open, found.path, past_cache=False),
                        expected_bytes=None,
                        segmented=True,
                        most_bytes=None if found.path in self.tags else _UNLISTED_BYTES,
                    )
                )
                if reading.sound:
                    self.seen[found.path] = reading
        except StoreError:
            return

    @contextmanager
    def payload(self, trusted: Iterable[bytes]) -> Iterator[Iterator[tuple[bytes, Claim]]]:
        """What these payload manifests say, file by file, in order of path."""
        wanted = set(trusted)
        with _read(self.store) as said:
            columns = {manifest.column: manifest for manifest in said.payload if manifest.name in wanted}
            yield ((path, claim) for path, claim, _ in _claims(said.listed_payload, columns) if claim)

    def readings(self, paths: Mapping[bytes, bytes], algorithms: Iterable[str], pool: Pool) -> Iterator[Reading]:
        """Reads payload files once: wanted path -> its name on the disk. The readings bear the wanted paths."""
        digester = Digester(("sha256", *sorted(set(algorithms) - {"sha256"})), pool)
        yield from digester.observe(
            Wanted(
                path=path,
                open=partial(self.store.open, name, past_cache=False),
                expected_bytes=None,
                segmented=True,
            )
            for path, name in paths.items()
        )

    def payload_names(self) -> list[bytes]:
        """The regular files that lie below `data/`."""
        try:
            return [found.path for found in walk(self.store, DATA) if found.kind is Kind.FILE]
        except StoreError:
            return []


def folders_of_bags(store: Tree | ReplicaStore) -> list[bytes]:
    """The folders on a replica that are bags, or were: with a declaration or a manifest. Links are none.

    They may lie in other folders, never in one another; what is hidden on the root (ours, a desktop's bin) holds none.
    """
    found: list[bytes] = []
    waiting = [(top, 1) for top in islice(_folders_in(store, b""), _MOST_FOLDERS) if not top.startswith(b".")]
    left = _MOST_FOLDERS
    while waiting and left:
        folder, level = waiting.pop()
        left -= 1
        names = _names(store, folder)
        if declaration.NAME in names or manifests_among(names):
            found.append(folder)
        elif level < _MOST_LEVELS:
            below = (name.rstrip(b"/") for name in names if name.endswith(b"/"))
            waiting += ((folder + b"/" + name, level + 1) for name in below)
    return sorted(found)


def look_at(holder: Holder, folder: bytes) -> FoundBag:
    """Reads a bag's structure: what it says of itself, nothing of what it holds.

    Raises:
        OSError: the temporary folder, where large manifests are sorted, is full.
    """
    store = holder.store.tree(folder)
    with _read(store) as said:
        columns = {manifest.column: manifest for manifest in said.tags}
        tags: dict[bytes, Claim] = {}
        faulty = set(said.faulty)
        for path, claim, twice in _claims(said.listed_tags, columns):
            tags[path] = claim
            faulty |= twice
        last = folder.rpartition(b"/")[2]
        identifier, version = named_by(folder) or _by_itself(said.info, last)
        return FoundBag(
            holder=holder,
            location=folder,
            store=store,
            identifier=identifier,
            version=version,
            stated=_stated(said.info, version),
            uuid=_uuid(said.info),
            tags=tags,
            faulty=frozenset(faulty),
            manifests=(*said.tags, *said.payload),
            seen={},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    tags: tuple[Manifest, ...]
    payload: tuple[Manifest, ...]
    listed_tags: Iterator[Expected]
    listed_payload: Iterator[Expected]
    faulty: frozenset[bytes]
    info: list[InfoEntry]


@contextmanager
def _read(store: Tree) -> Iterator[_Said]:
    structure = Structure(store)
    with closing(Sorter()) as payload, closing(Sorter()) as tags:
        findings, judges = _drained(structure.read(payload, tags))
        wrong = {
            name for each in findings if each.outcome is not Outcome.PASS for name in (each.file, each.path) if name
        }
        yield _Said(
            tags=_manifests(None if judges is None else judges.tags),
            payload=_manifests(None if judges is None else judges.payload),
            listed_tags=grouped(tags),
            listed_payload=grouped(payload),
            faulty=frozenset(wrong | structure.faulty),
            info=structure.info,
        )


def _manifests(judge: Judge | None) -> tuple[Manifest, ...]:
    return () if judge is None else tuple(judge.manifests)


def _drained(reading: Generator[Finding, None, Judges | None]) -> tuple[list[Finding], Judges | None]:
    findings: list[Finding] = []
    while True:
        try:
            findings.append(next(reading))
        except StopIteration as end:
            return findings, end.value


def _claims(listed: Iterable[Expected], columns: Mapping[int, Manifest]) -> Iterator[tuple[bytes, Claim, set[bytes]]]:
    """(path, claim, manifests that claim two things of it)."""
    for path, claims in listed:
        said: dict[str, bytes] = {}
        twice: set[bytes] = set()
        for column, _, digest in claims:
            if column == FETCH_COLUMN or column not in columns or not digest:
                continue
            manifest = columns[column]
            if said.setdefault(manifest.algorithm, digest) != digest:
                twice.add(manifest.name)
        yield path, said, twice


def _folders_in(store: Tree | ReplicaStore, folder: bytes) -> Iterator[bytes]:
    return (name.rstrip(b"/") for name, kind, _ in store.names_in(folder) if kind is Kind.DIRECTORY)


def _names(store: Tree | ReplicaStore, folder: bytes) -> list[bytes]:
    """Those of folders with `/` at their end; none where they cannot be listed."""
    try:
        return [
            name.rstrip(b"/") + (b"/" if kind is Kind.DIRECTORY else b"") for name, kind, _ in store.names_in(folder)
        ]
    except (StoreError, OSError):  # the latter: the temporary folder, where very many names are sorted, is full
        return []


def _by_itself(info: list[InfoEntry], folder: bytes) -> tuple[str, int]:
    """Identifier and version of a folder that somebody named by hand."""
    text = folder.decode("utf-8", "surrogateescape")
    suffix = _VERSION.search(text)
    version = int(suffix[1]) if suffix else 1
    return _stated(info, version) or text, version


def _stated(info: list[InfoEntry], version: int) -> str:
    named = _value(info, "External-Identifier")
    return named if named and _names_a_folder(named, version) else ""


def _names_a_folder(identifier: str, version: int) -> bool:
    try:
        return bool(location(identifier, version))
    except ValueError:
        return False


def _uuid(info: list[InfoEntry]) -> UUID | None:
    try:
        return UUID(_value(info, UUID_LABEL))
    except ValueError:
        return None


def _value(info: list[InfoEntry], label: str) -> str:
    return next((entry.value for entry in info if entry.has(label) and entry.value), "")
