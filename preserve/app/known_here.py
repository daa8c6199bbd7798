"""By which catalogs it is known what should be on a disk that is read by itself, and whether there were others.

The disk's identity is itself a catalog's: none but `replica add` writes it. Where no backup tells what should be there,
nobody can say that nothing is missing, whatever else of the catalog's traces (its backups, the heads of its journal)
still lies there or was taken away.
"""

import os
from dataclasses import dataclass, field
from uuid import UUID

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.audit.our_rooms import strangers
from preserve.catalog.catalog import Catalog
from preserve.errors import PreserveError, UsageError
from preserve.repair.backup_choice import Candidate, Chosen, candidates, choose
from preserve.stores import backups, heads
from preserve.stores.identity import OURS, Identity
from preserve.stores.local_replica import LocalReplica

_OTHERS = "Only that catalog knows what should be here: audit the disk with it, or look for its backups elsewhere."
_RENAMED = "If it was renamed, give it its name again. Otherwise move it away."


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBy:
    """A catalog's backup that holds and knows the disk.

    Attributes:
        later: links of its journal that are known here and newer.
        expects: whether it knows of a copy here. One that was made before there was any tells nothing of what is.
    """

    chosen: Chosen
    later: int
    expects: bool


@dataclass(slots=True, kw_only=True)
class Known:
    """
    Attributes:
        by: the newest first, one a catalog.
        did_not_hold: backups that were not believed, and why.
        untold: what proves that a catalog knew the disk of which no backup tells; empty only where one tells.
        notes: what else is to be known of these traces.
    """

    by: list[KnownBy] = field(default_factory=list)
    did_not_hold: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def known_here(store: LocalReplica, identity: Identity, folder: bytes) -> Known:
    """The newest backup of each catalog that holds and knows this disk, copied to a folder of ours each.

    Raises:
        UndeterminedError: the temporary folder is full, or there is no end to the backups.
    """
    return _Knowing(store, identity, folder).known()


class _Knowing:
    def __init__(self, store: LocalReplica, identity: Identity, folder: bytes) -> None:
        self._store = store
        self._identity = identity
        self._folder = folder
        self._known = Known()

    def known(self) -> Known:
        found = candidates({self._identity.name: self._store})
        newest = sorted(found, key=lambda one: one.described.made_at, reverse=True)
        folders, odd = self._names(backups.FOLDER, Kind.DIRECTORY, b"")
        files, odd_files = self._names(heads.FOLDER, Kind.FILE, b".txt")
        catalogs = dict.fromkeys((*(one.described.catalog for one in newest), *folders, *files))
        for catalog in catalogs:
            of_one = [one for one in newest if one.described.catalog == catalog]
            self._look_at(catalog, of_one, has_folder=catalog in folders, has_heads=catalog in files)
        self._tell_odd(odd, odd_files)
        self._tell_strangers()
        if not self._known.by and not catalogs and not self._known.untold and self._store.holds_traces():
            self._known.untold.append(f"{show(backups.FOLDER)}: none of a catalog's backups is in it. {_OTHERS}")
        if not any(one.expects for one in self._known.by):
            self._known.untold.insert(0, self._nobody_tells())
        return self._known

    def _nobody_tells(self) -> str:
        name = show(self._identity.name.encode("utf-8", "surrogateescape"))
        told = "its backup here knows of no copy on it" if self._known.by else "no backup here tells of it"
        return (
            f"a catalog made this disk its replica {name}, and {told}: what should lie here is not known, nor whether "
            f"something is missing. Audit the disk on that catalog's machine (`preserve audit --replica {name}`). "
            "`preserve catalog backup` there lays a backup on it, for the next time that it is carried away."
        )

    def _tell_strangers(self) -> None:
        """What lies beside our rooms may be one of them under another name, with a catalog's backups or heads in it."""
        try:
            found = strangers(self._store)
        except (StoreError, PreserveError) as error:
            why = getattr(error, "cause", "") or str(error)
            self._known.untold.append(f"{show(OURS)} cannot be looked into ({why}). {_OTHERS}")
            return
        for path, kind in found:
            why = f"{show(path)} is not ours, and lies among what is"
            if kind is Kind.DIRECTORY or not self._known.by:
                told = "it may be what a catalog left here, under another name"
                self._known.untold.append(f"{why}: {told}. {_RENAMED}")
            else:
                self._known.notes.append(why)

    def _look_at(self, catalog: UUID, found: list[Candidate], *, has_folder: bool, has_heads: bool) -> None:
        """Finds out what one catalog tells."""
        self._tell_misfits(catalog, {one.described.name for one in found})
        last, at = self._last_head(catalog) if has_heads else (0, "")
        chosen = self._chosen(catalog, found)
        expects = None if chosen is None else self._expects(chosen)
        if chosen is not None and expects is not None:
            later = max(0, last - chosen.candidate.described.number)
            self._known.by.append(KnownBy(chosen=chosen, later=later, expects=expects))
            return
        if chosen is not None:
            self._known.did_not_hold.append(
                f"{chosen.candidate.shown}: it is of a catalog that does not know this disk"
            )
            if last <= chosen.candidate.described.number:
                return
        if has_heads:
            why = f"the journal of the catalog {catalog} left its heads on this disk{at}, so it knew it"
            self._known.untold.append(f"{why}; no backup of it tells what should be here. {_OTHERS}")
        elif has_folder:
            why = f"the catalog {catalog} has a folder of backups on this disk, and none of them holds"
            self._known.untold.append(f"{why}. {_OTHERS}")

    def _chosen(self, catalog: UUID, found: list[Candidate]) -> Chosen | None:
        if not found:
            return None
        staged = os.path.join(self._folder, str(catalog).encode())
        os.makedirs(staged, exist_ok=True)
        try:
            chosen = choose(found, os.path.join(staged, b"catalog.sqlite"), self._identity.name)
        except UsageError as error:
            self._known.did_not_hold += error.message.splitlines()[1:]
            return None
        self._known.did_not_hold += chosen.did_not_hold
        return chosen

    def _expects(self, chosen: Chosen) -> bool | None:
        """Whether it knows of copies on this disk; None: not even of the disk."""
        with Catalog.open(chosen.snapshot.path) as opened:
            rows = opened.replicas(include_removed=True)
            of_us = [row.id for row in rows if str(row.uuid) == self._identity.uuid]
            return bool(opened.copies(replica_ids=of_us)) if of_us else None

    def _tell_misfits(self, catalog: UUID, described: set[bytes]) -> None:
        for name in sorted(self._store.backups(catalog).misfits() - described):
            why = "it or its description (.json) is gone or damaged, so it does not count"
            self._known.did_not_hold.append(f"{show(name)} on {self._identity.name}: {why}")

    def _last_head(self, catalog: UUID) -> tuple[int, str]:
        """The highest number that stands here, and words for since when; 0 if none can be read."""
        kept, faults = self._store.heads(catalog).read()
        self._known.notes += (f"the heads of the catalog {catalog} on this disk: {fault}" for fault in faults[:3])
        if not kept:
            return 0, ""
        last = max(kept, key=lambda head: head.number)
        return last.number, f" (the last of {last.at:%Y-%m-%d})"

    def _names(self, folder: bytes, kind: Kind, ending: bytes) -> tuple[set[UUID], list[bytes]]:
        """The catalogs that have something in a room of ours, and the paths of all else in it."""
        named, odd = set[UUID](), list[bytes]()
        try:
            found = [(name.rstrip(b"/"), what) for name, what, _ in self._store.names_in(folder)]
        except NotFoundError:
            return named, odd
        except (StoreError, PreserveError) as error:
            why = getattr(error, "cause", "") or str(error)
            self._known.untold.append(f"{show(folder)} cannot be looked into ({why}). {_OTHERS}")
            return named, odd
        for name, what in found:
            text = name.removesuffix(ending).decode("utf-8", "replace")
            if what is kind and name.endswith(ending) and backups.is_uuid(text):
                named.add(UUID(text))
            elif not name.endswith(b".lock"):
                odd.append(folder + b"/" + name + (b"/" if what is Kind.DIRECTORY else b""))
        return named, sorted(odd)

    def _tell_odd(self, odd: list[bytes], odd_heads: list[bytes]) -> None:
        """A folder among the backups may be one of another name; a file is only doubted where nothing else tells."""
        for path in (*odd, *odd_heads):
            why = f"{show(path)} lies where a catalog keeps what it knows, and is not named as it names it"
            if not self._known.by or (path.endswith(b"/") and path in odd):
                remedy = "If it was renamed, give it its name again (the catalog's UUID). Otherwise move it away."
                self._known.untold.append(f"{why}; whether a catalog knew this disk cannot be told. {remedy}")
            else:
                self._known.notes.append(why)
