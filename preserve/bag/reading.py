"""Reading a bag: what it says of itself and of its files, without judging it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from checks.names import show
from checks.ports import StoreError
from preserve.bag.collected import Findings
from preserve.bag.finding import Finding
from preserve.bag.making.given import place
from preserve.bag.opened import opened
from preserve.bag.tags import declaration
from preserve.bag.tags.info import InfoEntry
from preserve.bag.tags.manifests import FETCH_COLUMN, Expected, Manifest, grouped
from preserve.bag.validating.judging import Judge
from preserve.bag.validating.structure import Judges, Structure
from preserve.errors import UndeterminedError, UsageError
from preserve.ordering import Sorter
from preserve.progress import Silent


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file as manifests list it. `path` is from the bag's root; digests are in hex, by normalised algorithm.

    `fetched` says that fetch.txt lists it, too. Where a manifest lists it twice, its first digest is here.
    """

    path: bytes
    digests: Mapping[str, str]
    fetched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """A bag as its tag files describe it. What is wrong with it is told by `validate`, not here.

    Args:
        path: where it lies: a folder, or an archive that holds it.
        version: as bagit.txt declares it, such as `1.0`; empty if that could not be read.
        encoding: of the tag files, as declared.
        info: labels and values of bag-info.txt in their order; repeated ones are kept.
        manifests, tag_manifests: in bytewise order of their names.
        findings: faults of what was read up to here: bagit.txt and bag-info.txt.
    """

    path: bytes
    version: str
    encoding: str
    info: tuple[InfoEntry, ...]
    manifests: tuple[Manifest, ...]
    tag_manifests: tuple[Manifest, ...]
    findings: Findings = field(repr=False)

    def values(self, label: str) -> list[str]:
        """All values of a label of bag-info.txt, told apart without regard to case (RFC 8493 §2.2.2)."""
        return [entry.value for entry in self.info if entry.has(label)]

    def files(self) -> Iterator[ListedFile]:
        """Every file that payload manifests list, in bytewise order of path; lines that say nothing are passed over.

        Raises:
            UndeterminedError: there is no room for sorting them in the temporary folder.
        """
        yield from self._listed(of_payload=True)

    def tag_files(self) -> Iterator[ListedFile]:
        """Every file that tag manifests list; see `files`."""
        yield from self._listed(of_payload=False)

    def _listed(self, *, of_payload: bool) -> Iterator[ListedFile]:
        with closing(Sorter()) as payload, closing(Sorter()) as tags, ExitStack() as held:
            judges = _drained(_structure_of(self.path, held), payload, tags, Findings(), listed=True)
            if judges is not None:
                judge = judges.payload if of_payload else judges.tags
                for expected in grouped(payload if of_payload else tags):
                    if expected.claims[0].column != FETCH_COLUMN:
                        yield _listed_file(expected, judge)


def read(bag: "str | bytes | os.PathLike[str]") -> Bag:
    """Reads what a bag says of itself: its declaration, its metadata and which manifests it has.

    Raises:
        UsageError: there is nothing there, or nothing that can be read as a bag: no bagit.txt is in it.
        UndeterminedError: it could not be read.
    """
    path = os.path.abspath(place(bag))
    findings = Findings()
    with closing(Sorter()) as payload, closing(Sorter()) as tags, ExitStack() as held:
        structure = _structure_of(path, held)
        judges = _drained(structure, payload, tags, findings, listed=False)
    return Bag(
        path=path,
        version=structure.declared.stated,
        encoding=structure.declared.encoding,
        info=tuple(structure.info),
        manifests=() if judges is None else tuple(judges.payload.manifests),
        tag_manifests=() if judges is None else tuple(judges.tags.manifests),
        findings=findings,
    )


def _structure_of(path: bytes, held: ExitStack) -> Structure:
    """What is there to be read; UsageError if it is nothing that could be a bag."""
    opening = opened(path, held, Silent())
    said: list[Finding] = []
    while True:
        try:
            said.append(next(opening))
        except StopIteration as ended:
            tree, _ = ended.value
            break
    if tree is None:
        why = said[0].message if said else "nothing that can be read"
        raise UsageError(f"{show(path)}: {why}", remedy="`preserve validate` tells more.")
    try:
        names = {name for name, _, _ in tree.names_in(b"")}
    except StoreError as error:
        raise UndeterminedError(f"{show(path)}: cannot be listed ({error.cause or error})") from error
    if declaration.NAME not in names:
        raise UsageError(
            f"{show(path)}: this is no bag: bagit.txt is not in it",
            remedy="Name the folder in which bagit.txt lies. Of a folder that is none yet, `write` makes a bag.",
        )
    return Structure(tree)


def _drained(structure: Structure, payload: Sorter, tags: Sorter, findings: Findings, *, listed: bool) -> Judges | None:
    reading = structure.read(payload, tags, listed=listed)
    while True:
        try:
            findings.add(next(reading))
        except StopIteration as ended:
            judges: Judges | None = ended.value
            return judges
        except OSError as error:
            raise UndeterminedError(
                f"a bag could not be read: {error.strerror or error}",
                remedy="Sorting large manifests needs room in the temporary folder (TMPDIR).",
            ) from error


def _listed_file(expected: Expected, judge: Judge) -> ListedFile:
    names = {manifest.column: manifest.algorithm for manifest in judge.manifests}
    digests: dict[str, str] = {}
    for column, _, digest in expected.claims:
        if column in names and digest:
            digests.setdefault(names[column], digest.hex())
    return ListedFile(path=expected.path, digests=digests, fetched=expected.claims[-1].column == FETCH_COLUMN)
