"""Comparing replicas with the catalog: what is there and not known, and what is known and not there."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from shlex import quote

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.app.seeming import Judging, Seeming, Seems
from preserve.app.traces import survey_replicas
from preserve.app.workspace import Workspace, operator, presence
from preserve.audit.our_rooms import Expected, Unfinished, look_at_rooms, unfinished
from preserve.audit.standing import Looked, Looking, Standing, What
from preserve.catalog.reconciling import PlaceRow
from preserve.catalog.rows import ReplicaRow
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.repair.acts import entries_recorded
from preserve.stores.locations import location
from preserve.stores.port import ReplicaStore
from preserve.stores.within import Within
from reports.reconcile import IgnoredLine, MissingLine, ReplicaDifferences, ThingLine

_ADOPT = {Seems.NEW, Seems.COPY}


def reconcile(workspace: Workspace, names: tuple[str, ...], progress: Progress) -> list[ReplicaDifferences]:
    """Looks through replicas, all without names. Nothing is written, and no payload is read.

    Raises:
        UsageError: a name that no replica has.
    """
    stores = workspace.stores()
    differences = []
    for replica in workspace.replicas(names):
        store = stores.get(replica.id)
        seen = presence(store, replica)
        if store is None or not seen.there:
            differences.append(ReplicaDifferences(replica=replica.name, away=seen.why_not))
            continue
        progress.stage(f"looking through {replica.name}")
        try:
            found = _Compared(workspace, replica, store, progress).differences()
        except StoreError as error:
            found = ReplicaDifferences(replica=replica.name, away=f"it could not be listed: {error.cause or error}")
        after = presence(store, replica)
        differences.append(found if after.there else ReplicaDifferences(replica=replica.name, away=after.why_not))
    return differences


class _Compared:
    """One replica, compared."""

    def __init__(self, workspace: Workspace, replica: ReplicaRow, store: ReplicaStore, progress: Progress) -> None:
        self._workspace = workspace
        self._catalog = workspace.catalog
        self._replica = replica
        self._store = store
        self._progress = progress
        self._places = self._catalog.places_on(replica.id)
        self._ignored = self._catalog.ignored(replica.uuid)
        self._expected = Expected(
            catalog=self._catalog.uuid(),
            packages=self._catalog.identifiers(),
            entries=entries_recorded(self._catalog, str(replica.uuid)),
        )

    def differences(self) -> ReplicaDifferences:
        """StoreError if the replica's root or a room of ours cannot be listed."""
        looked = look(self._workspace, self._replica, self._store)
        begun = unfinished(self._store, self._expected)
        for one in look_at_rooms(self._store, self._expected):
            self._take(one, looked)
        missing = self._missing(looked)
        return ReplicaDifferences(
            replica=self._replica.name,
            things=self._things(looked, begun, {one.path for one in missing}),
            more=looked.more,
            missing=missing,
            without_copy=self._without_copy(),
            ignored=[
                IgnoredLine(
                    path=one.path,
                    what=one.what,
                    reason=one.reason,
                    by=one.by,
                    at=one.at,
                    there=one.path in looked.ignored,
                )
                for one in self._ignored.values()
            ],
            problems=looked.problems,
        )

    def _take(self, one: Standing, looked: Looked) -> None:
        ignored = self._ignored.get(one.path)
        if ignored is not None and ignored.what == one.what:
            looked.ignored.add(one.path)
        else:
            looked.add(one)

    def _missing(self, looked: Looked) -> list[MissingLine]:
        missing = []
        for place in self._places:
            if place.removed or place.location in looked.met:
                continue
            note = "its folder is not there"
            try:
                if self._store.stat(place.location).kind is Kind.DIRECTORY:
                    continue
                note = "no folder stands there"
            except NotFoundError:
                pass
            except StoreError as error:
                looked.problems.append((place.location, error.cause or str(error)))
                continue
            line = MissingLine(path=place.location, package=place.package, version=place.version, note=note)
            missing.append(line)
        return missing

    def _without_copy(self) -> list[str]:
        here = {copy.package_id for copy in self._catalog.copies(replica_ids=[self._replica.id], current_only=True)}
        return [package.identifier for package in self._catalog.packages() if package.id not in here]

    def _things(self, looked: Looked, begun: Sequence[Unfinished], missing: set[bytes]) -> list[ThingLine]:
        lines = []
        where = self._store.where.encode("utf-8", "surrogateescape")
        bags = [one.path for one in looked.found if one.what is What.BAG]
        judged = Judging(self._catalog, self._replica.id).seemings(
            ((path, Within(self._store, where, path)) for path in bags), partial(self._progress.advance, files=1)
        )
        seemings = dict(zip(bags, judged, strict=True))
        alike = {place.location.lower(): place.location for place in self._places if not place.removed}
        deleted = {place.location: place for place in self._places if place.deleted}
        making = {_location_of(one): one for one in begun if one.package}
        for one in looked.found:
            line = ThingLine(path=one.path, what=one.what.value, note=one.note, remedy=one.remedy)
            if one.what is What.BAG:
                line = _of_bag(line, seemings[one.path], self._replica.name, missing)
            note = _beside(one.path, alike, deleted)
            if one.path in making:
                note, line = f"an unfinished copy of {making[one.path].package}", replace(line, remedy="")
            lines.append(replace(line, note="; ".join(filter(None, (note, line.note)))))
        return _with_twins(lines)


def look(workspace: Workspace, replica: ReplicaRow, store: ReplicaStore) -> Looked:
    """What stands on a replica that is there, without the rooms of ours."""
    recorded = {place.location for place in workspace.catalog.places_on(replica.id) if not place.deleted}
    ignored = {path: name.what for path, name in workspace.catalog.ignored(replica.uuid).items()}
    return Looking(store, recorded, ignored).look()


def ignore(workspace: Workspace, name: str, path: bytes, reason: str) -> str:
    """Has a name on a replica ignored, as what it is now, and gives that.

    Raises:
        UsageError: nothing is there, or a recorded copy; or no reason is given.
        UndeterminedError: the replica is away.
    """
    if not reason.strip():
        raise UsageError("a name is ignored for a reason", remedy="Say why with --reason TEXT; the journal keeps it.")
    (replica,) = workspace.replicas((name,))
    store = there(workspace, replica)
    catalog = workspace.catalog
    for place in catalog.places_on(replica.id):
        if not place.removed and (place.location == path or place.location.startswith(path + b"/")):
            raise UsageError(
                f"{show(path)} is, or holds, a copy of {place.package} in the catalog",
                remedy="A copy is not ignored. `preserve remove` ends the care for a package.",
            )
    what = _what(workspace, replica, store, path)
    catalog.ignore(replica.uuid, path, what, reason, operator(), workspace.clock())
    survey_replicas(workspace, [replica])
    return what


def heed(workspace: Workspace, name: str, path: bytes) -> None:
    """Has a name told again. UsageError if it is not ignored."""
    (replica,) = workspace.replicas((name,))
    workspace.catalog.heed(replica.uuid, path, operator(), workspace.clock())
    store = workspace.stores().get(replica.id)
    if presence(store, replica).there:
        survey_replicas(workspace, [replica])


def there(workspace: Workspace, replica: ReplicaRow) -> ReplicaStore:
    """The replica's store; UndeterminedError if it is away."""
    store = workspace.stores().get(replica.id)
    seen = presence(store, replica)
    if store is None or not seen.there:
        remedy = "Connect it and run the command again."
        raise UndeterminedError(f"the replica {replica.name} is not there: {seen.why_not}", remedy=remedy)
    return store


def root_of(workspace: Workspace, name: str) -> bytes | None:
    """The folder that a replica is; None for one that is none, or has no settings."""
    configured = workspace.settings.replicas.get(name)
    return None if configured is None else configured.folder


def below_root(path: bytes, root: bytes | None) -> bytes:
    """A folder as a person names it, as a path below the replica's root.

    UsageError for one that does not lie below it, or is the root itself.
    """
    if root is not None and path.startswith(b"/"):
        prefix = root.rstrip(b"/") + b"/"
        if not path.startswith(prefix):
            raise UsageError(f"{show(path)} does not lie on this replica", remedy="Name it from the replica's root.")
        path = path.removeprefix(prefix)
    path = path.rstrip(b"/")
    if path.startswith(b"./"):
        path = path[2:]
    if not path or not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        raise UsageError(f"{show(path)!r} names nothing on a replica", remedy="Name it from the replica's root.")
    return path


def _what(workspace: Workspace, replica: ReplicaRow, store: ReplicaStore, path: bytes) -> str:
    try:
        seen = look(workspace, replica, store)
        expected = Expected(
            catalog=workspace.catalog.uuid(),
            packages=workspace.catalog.identifiers(),
            entries=entries_recorded(workspace.catalog, str(replica.uuid)),
        )
        for one in (*seen.found, *look_at_rooms(store, expected)):
            if one.path == path:
                return one.what.value
        kind = store.stat(path).kind
    except NotFoundError as error:
        raise UsageError(f"{show(path)}: nothing is there", remedy="`preserve reconcile` lists what is.") from error
    if kind is not Kind.DIRECTORY:
        return {Kind.FILE: "file", Kind.SYMLINK: "link"}.get(kind, "other")
    holds = any(one.path.startswith(path + b"/") for one in seen.found)
    return (What.BAGS if holds else What.FOLDER).value


def _location_of(one: Unfinished) -> bytes:
    try:
        return location(one.package, one.version)
    except ValueError:
        return b""


def _beside(path: bytes, alike: dict[bytes, bytes], deleted: dict[bytes, PlaceRow]) -> str:
    """What its name tells."""
    if path in deleted:
        return f"a copy of {deleted[path].package} lay here and was deleted"
    other = alike.get(path.lower())
    if other is not None:
        return f"named like the copy {show(other)} but for upper and lower case"
    return ""


def _of_bag(line: ThingLine, seeming: Seeming, replica: str, missing: set[bytes]) -> ThingLine:
    """The line with what the bag seems to be; the payload was not read for it."""
    note, remedy = seeming.problem, ""
    if seeming.seems in _ADOPT:
        remedy = f"preserve adopt {replica} {quote(show(line.path))}"
    elif seeming.recorded is not None and seeming.recorded.location in missing:
        note = f"the copy is recorded in {show(seeming.recorded.location)}, which is not there: it may have been moved"
        remedy = "Move it back to where it is recorded, or have the copy made again with `preserve repair`."
    elif seeming.recorded is not None:
        note = f"the copy is recorded in {show(seeming.recorded.location)}"
    elif seeming.seems is Seems.OTHER:
        remedy = f"If it is the next version: preserve adopt {replica} --new-version {quote(show(line.path))}"
    return replace(
        line,
        seems=seeming.seems.value,
        package=seeming.identifier,
        version=seeming.version,
        note="; ".join(filter(None, (line.note, note))),
        remedy=remedy,
    )


def _with_twins(lines: list[ThingLine]) -> list[ThingLine]:
    """Bags that say to be the same unknown package, each with a word on the others."""
    same: dict[str, list[bytes]] = defaultdict(list)
    for line in lines:
        if line.seems == Seems.NEW:
            same[line.package].append(line.path)
    return [
        replace(line, note="; ".join(filter(None, (line.note, _named_too(line, same[line.package])))))
        if line.seems == Seems.NEW and len(same[line.package]) > 1
        else line
        for line in lines
    ]


def _named_too(line: ThingLine, paths: list[bytes]) -> str:
    others = [show(path) for path in paths if path != line.path]
    more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
    return f"says to be the same package as {', '.join(others[:3])}{more}"
