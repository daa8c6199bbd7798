"""Adopting bags that lie on a replica: which of them, in which order, and what came of it."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from shlex import quote

from checks.evidence import Outcome
from checks.names import show
from checks.ports import StoreError
from preserve.app.adoption_lines import line_of
from preserve.app.adoption_refusals import Refusing, undetermined
from preserve.app.reading import refuse_unless_believed
from preserve.app.reconciling import below_root, look, root_of, there
from preserve.app.seeming import Judging, Seeming, Seems, named_after
from preserve.app.traces import survey_replicas
from preserve.app.workspace import Workspace, operator
from preserve.audit.our_rooms import Expected, Unfinished, unfinished
from preserve.audit.standing import Looked, What, is_bag, is_in_bin
from preserve.catalog.rows import ReplicaRow
from preserve.errors import UsageError
from preserve.ingest.adopted import Adopted, left
from preserve.ingest.adoption import Adopter
from preserve.progress import Forwarding, Progress
from preserve.stores.locations import location
from preserve.stores.port import ReplicaStore
from preserve.stores.within import Within
from reports.adoption import AdoptedLine, AdoptionView


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for.

    Attributes:
        folders: bags, or folders in which bags lie; all that the replica holds and nobody knows if there are none.
        new_versions: those of them that are next versions of their packages.
        identifier: whose the one folder is, whatever it says of itself; None: as it says.
        dry_run: says what would be done; no payload is read and nothing recorded.
    """

    replica: str
    folders: Sequence[bytes] = ()
    new_versions: Sequence[bytes] = ()
    identifier: str | None = None
    collection: str = ""
    dry_run: bool = False


def adopt(workspace: Workspace, wish: Wish, progress: Progress) -> AdoptionView:
    """Reads bags whole where they lie on a replica, and records those that are good.

    Raises:
        UsageError: there is no such replica, a folder cannot be one, or an identifier goes with more than one.
        UndeterminedError: the replica is away, or the auditor's test of itself failed.
    """
    if wish.identifier is not None and len({*wish.folders, *wish.new_versions}) != 1:
        raise UsageError("--id names one package", remedy="Name the one FOLDER that is meant.")
    (replica,) = workspace.replicas((wish.replica,))
    store = there(workspace, replica)
    work = _Adoption(workspace, wish, replica, store, progress)
    refused, wanted = work.candidates()
    if not wish.dry_run and wanted:
        refuse_unless_believed(workspace, [replica], progress)
    lines, stopped = list(refused), ""
    try:
        lines += work.adopted(wanted)
    except StoreError as error:
        lines += work.done
        stopped = f"{replica.name} cannot be read any more: {error.cause or error}"
    if any(line.became in ("package", "version", "copy") for line in lines):
        workspace.catalog.index_names()
        if not stopped:
            survey_replicas(workspace, [replica])
    lines.sort(key=lambda line: line.path)
    return AdoptionView(replica=replica.name, lines=lines, dry_run=wish.dry_run, stopped=stopped)


class _Adoption:
    def __init__(
        self, workspace: Workspace, wish: Wish, replica: ReplicaRow, store: ReplicaStore, progress: Progress
    ) -> None:
        self._workspace = workspace
        self._catalog = workspace.catalog
        self._wish = wish
        self._replica = replica
        self._store = store
        self._progress = progress
        root = root_of(workspace, replica.name)
        self._folders = [below_root(path, root) for path in wish.folders]
        self._new = {below_root(path, root) for path in wish.new_versions}
        self._places = {one.location: one for one in self._catalog.places_on(replica.id) if not one.deleted}
        self._refusing = Refusing(store, self._places)
        self._identifiers = self._catalog.identifiers()
        self._making = self._in_the_making()
        self._taken: set[str] = set()  # identifiers, in this run
        self._looked: Looked | None = None
        self._where = store.where.encode("utf-8", "surrogateescape")
        self.done: list[AdoptedLine] = []

    def _in_the_making(self) -> dict[bytes, Unfinished]:
        packages = self._catalog.identifiers()
        expected = Expected(catalog=self._catalog.uuid(), packages=packages, entries=frozenset[str]())
        begun = unfinished(self._store, expected)
        return {_location(one.package, one.version): one for one in begun if one.package}

    def candidates(self) -> tuple[list[AdoptedLine], list[Seeming]]:
        """What is said at once of some bags, and those that are to be read, in the order in which that is done."""
        self._progress.stage(f"looking through {self._replica.name}")
        said: list[AdoptedLine] = []
        bags: dict[bytes, None] = {}
        for path in self._named(said):
            if (line := self._refusing.line(path)) is not None:
                said.append(line)
            else:
                bags[path] = None
        seemings = self._seemings(bags)
        # What is named by its own identifier goes before what only says that it is it.
        seemings.sort(key=lambda one: (named_after(one.location) != one.identifier, one.location))
        wanted = []
        for one in self._without_collisions(seemings, said):
            adopted = self._judged(one)
            if adopted is None:
                wanted.append(one)
            else:
                said.append(line_of(adopted))
        return said, wanted

    def _seemings(self, folders: Iterable[bytes]) -> list[Seeming]:
        trees = ((path, Within(self._store, self._where, path)) for path in folders)
        judging = Judging(self._catalog, self._replica.id, self._wish.identifier)
        return judging.seemings(trees, partial(self._progress.advance, files=1))

    def _named(self, said: list[AdoptedLine]) -> Iterator[bytes]:
        """The bags that are meant: each that was named or lies in a folder that was, or all.

        What could not be looked through is said: bags may lie in it.
        """
        named = [*self._folders, *sorted(self._new - set(self._folders))]
        if not named:
            yield from self._below(b"", said)
        for path in named:
            if path in self._places or not self._may_hold_bags(path):
                yield path
                continue
            before = len(said)
            below = list(self._below(path + b"/", said))
            yield from below or ([path] if len(said) == before else [])

    def _may_hold_bags(self, path: bytes) -> bool:
        try:
            return not is_bag(self._store, path)
        except StoreError:
            return False  # it is asked again, and that is said then

    def _below(self, start: bytes, said: list[AdoptedLine]) -> Iterator[bytes]:
        """The bags whose paths begin so."""
        looked = self._looked = self._looked or look(self._workspace, self._replica, self._store)
        told = {line.path for line in said}
        for path, why in looked.problems:
            if path not in told and ((path + b"/").startswith(start) or start.startswith(path + b"/")):
                said.append(undetermined(path, why))
        if looked.more:
            why = f"{looked.more:,} names more stand there than are kept in mind in one run"
            said.append(undetermined(start.rstrip(b"/"), why))
        for one in looked.found:
            if one.what is What.BAG and one.path.startswith(start) and (start or not is_in_bin(one.path)):
                yield one.path

    def _without_collisions(self, seemings: Sequence[Seeming], said: list[AdoptedLine]) -> Iterator[Seeming]:
        """Unknown bags of one name and different content: which of them is meant is never guessed."""
        same: dict[str, list[Seeming]] = defaultdict(list)
        for one in seemings:
            if one.seems is Seems.NEW:
                same[one.identifier].append(one)
        for one in seemings:
            others = [other for other in same.get(one.identifier, ()) if other is not one]
            if one.seems is Seems.NEW and any(other.manifests != one.manifests for other in others):
                named = ", ".join(show(other.location) for other in others[:3])
                remedy = f"Name the one that is right: preserve adopt {self._replica.name} {quote(show(one.location))}"
                problem = f"{named} says to be {show(os.fsencode(one.identifier))}, too, with other content"
                said.append(line_of(left(one.location, problem, remedy, package=one.identifier)))
            else:
                yield one

    def _judged(self, one: Seeming) -> Adopted | None:
        """What can be said without reading the payload; None if it is to be read."""
        path, identifier = one.location, one.identifier
        if one.seems is Seems.UNREADABLE or one.seems in (Seems.NEW, Seems.COPY):
            return self._known_before(one)
        if one.seems is Seems.REMOVED and one.package is not None:
            problem = f"the package {show(os.fsencode(identifier))} was removed on {one.package.removed_at:%d %B %Y}"
            return left(path, problem, "Move the folder away, or have it ignored.", package=identifier)
        if one.seems is Seems.SECOND and one.recorded is not None:
            problem = f"the copy of this version is recorded in {show(one.recorded.location)}; one more does not count"
            remedy = "If that folder is gone and this is it: move it back there."
            return left(path, problem, remedy, package=identifier, version=one.version)
        if path in self._new:
            return None
        problem = f"the package {show(os.fsencode(identifier))} is known, with other content"
        remedy = f"If this is its next version: preserve adopt {self._replica.name} --new-version {quote(show(path))}"
        return left(path, problem, remedy, package=identifier)

    def _known_before(self, one: Seeming) -> Adopted | None:
        """A copy in the making is no bag that was found; nor is one whose UUID is another package's."""
        making, owner = self._making.get(one.location), self._identifiers.get(str(one.uuid), one.identifier)
        if making is not None:
            problem = "it is a copy that `preserve replicate` began and did not end"
            remedy = "Run `preserve replicate` again."
            return left(one.location, problem, remedy, package=making.package, version=making.version)
        if one.seems is Seems.NEW and owner != one.identifier:
            problem = f"its Package-UUID is that of {show(os.fsencode(owner))}, and it says to be another package"
            return left(one.location, problem, "Find out which of them it is.", package=one.identifier)
        return None

    def adopted(self, wanted: Sequence[Seeming]) -> list[AdoptedLine]:
        """Reads them, one after another. StoreError: the replica went away; `done` has what came before."""
        if self._wish.dry_run:
            return [self._would(one) for one in wanted]
        sizes = [one.size_bytes for one in wanted]
        known = [size for size in sizes if size is not None]
        total = sum(known) if len(known) == len(sizes) else None
        self._progress.stage(f"adopting on {self._replica.name}", bytes=total)
        adopter = Adopter(
            self._catalog,
            self._replica,
            self._store,
            self._where,
            self._workspace.clock,
            flush=self._store.flush,
            being_made=lambda folder: folder in self._in_the_making(),
            threads=self._workspace.settings.audit.threads or os.cpu_count() or 1,
            progress=_Whole(self._progress),
            by=operator(),
        )
        for one in wanted:
            self.done.append(self._adopt(adopter, one))
        return self.done

    def _adopt(self, adopter: Adopter, one: Seeming) -> AdoptedLine:
        adopter.present()
        if one.identifier in self._taken:  # another of these bags may have been the same
            (one,) = self._seemings([one.location])
            settled = self._judged(one)
            if settled is not None:
                return line_of(settled)
        self._taken.add(one.identifier)
        adopted = adopter.adopt(
            one.location,
            one.identifier or named_after(one.location),
            collection=self._wish.collection,
            new_version=one.location in self._new,
            as_said=self._wish.identifier is None,
        )
        return line_of(adopted)

    def _would(self, one: Seeming) -> AdoptedLine:
        return AdoptedLine(
            path=one.location,
            became="would",
            outcome=Outcome.PASS,
            package=one.identifier,
            version=one.version,
            size_bytes=one.size_bytes,
            problem=one.problem or one.seems.value,
        )


class _Whole(Forwarding):
    """One count for all bags: the stages of each are passed over."""

    def stage(
        self,
        name: str,
        *,
        files: int | None = None,
        bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
    ) -> None: ...


def _location(identifier: str, version: int) -> bytes:
    try:
        return location(identifier, version)
    except ValueError:
        return b""
