"""Which backup a lost catalog is taken back from: the newest that holds and with which all others agree."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from checks.digesting import Digester, Wanted
from preserve.catalog.backing import Snapshot, clear_away, hash_at, verified
from preserve.catalog.catalog import Catalog
from preserve.catalog.integrity import refuse_changed
from preserve.catalog.opening import REVISIONS
from preserve.errors import CatalogError, UsageError
from preserve.stores.backups import Described
from preserve.stores.durable import writing
from preserve.stores.port import Backups, ReplicaStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A described backup on a replica."""

    replica: str
    backups: Backups
    described: Described

    @property
    def shown(self) -> str:
        return f"{self.described.name.decode()} on {self.replica}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The backup that was taken, copied to where it was asked for. The others that were read and did not hold, why."""

    candidate: Candidate
    snapshot: Snapshot
    did_not_hold: Sequence[str]


def candidates(stores: Mapping[str, ReplicaStore]) -> list[Candidate]:
    """All described backups on these replicas, by name, of whatever catalog."""
    return [
        Candidate(replica=replica, backups=backups, described=described)
        for replica, store in stores.items()
        for uuid in store.catalogs()
        for backups in (store.backups(uuid),)
        for described in backups.kept()
    ]


def choose(found: Sequence[Candidate], staged: bytes, trust: str | None) -> Chosen:
    """Copies the newest backup that holds to `staged` and compares its chain with the heads of all others.

    Args:
        trust: the replica whose newest backup is taken without asking the others.

    Raises:
        UsageError: none holds, they are of several catalogs, or their journals contradict each other.
        UndeterminedError: there is no room for it here.
    """
    found = _of_one_catalog(found, trust)
    failed: list[str] = []
    for place, candidate in enumerate(found):
        try:
            snapshot = stage(candidate, staged)
            if snapshot.revision != REVISIONS[-1]:
                Catalog.open(staged).close()  # brought up to date: the tables are judged as this program knows them
            refuse_changed(staged)
        except CatalogError as error:
            failed.append(f"{candidate.shown}: {error.message}")
            continue
        if trust is None:
            failed += _agreeing(snapshot, candidate, found[place + 1 :])
        return Chosen(candidate=candidate, snapshot=snapshot, did_not_hold=failed)
    raise UsageError(
        f"none of the {len(found)} backups of the catalog holds\n" + "\n".join(failed),
        remedy="Connect another replica, or make the catalog from the bags alone: --without-backups.",
    )


def stage(candidate: Candidate, staged: bytes) -> Snapshot:
    """Copies a backup and looks through the copy; CatalogError says why it does not hold."""
    described = candidate.described
    clear_away(staged)
    with writing(staged):
        fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(fd, "wb", buffering=0) as file:
            wanted = Wanted(
                path=described.name,
                open=lambda: candidate.backups.open(described),
                expected_bytes=None,
                most_bytes=described.size_bytes,
                sink=lambda buffer: _write_all(fd, buffer),
            )
            reading = Digester(("sha256",)).read(wanted)
            os.fsync(file.fileno())
    if not reading.sound:
        raise CatalogError(f"it could not be read ({reading.problem or 'it is not there as it is described'})")
    if (reading.size_bytes, reading.digests["sha256"]) != (described.size_bytes, described.sha256):
        raise CatalogError("its bytes are not those that its description tells")
    snapshot = verified(staged)
    if (snapshot.catalog, snapshot.number, snapshot.hash) != (described.catalog, described.number, described.hash):
        raise CatalogError("it is another catalog, or another state of it, than its description tells")
    if snapshot.revision not in REVISIONS:
        raise CatalogError(f"it was made by a newer program ({described.program})")
    return snapshot


def _of_one_catalog(found: Sequence[Candidate], trust: str | None) -> list[Candidate]:
    """The candidates in question, newest first."""
    if trust is not None:
        found = [one for one in found if one.replica == trust]
        if not found:
            raise UsageError(f"there is no backup of a catalog on {trust}", remedy="See --without-backups.")
    newest: dict[UUID, Candidate] = {}
    for one in sorted(found, key=_age):
        newest[one.described.catalog] = one
    if len(newest) > 1 and trust is None:
        told = "\n".join(f"{uuid}: {one.shown}, {one.described.made_at:%Y-%m-%d}" for uuid, one in newest.items())
        raise UsageError(
            f"there are backups of {len(newest)} catalogs on these replicas\n{told}",
            remedy="Say whose newest backup is right: --trust REPLICA.",
        )
    catalog = max(newest.values(), key=_age).described.catalog
    found = [one for one in found if one.described.catalog == catalog]
    return sorted(found, key=lambda one: (one.described.number, one.described.made_at), reverse=True)


def _age(one: Candidate) -> tuple[datetime, int]:
    return one.described.made_at, one.described.number


def _agreeing(snapshot: Snapshot, chosen: Candidate, others: Sequence[Candidate]) -> list[str]:
    """The others that do not hold, with why. UsageError for one that holds and lies on another chain."""
    failed = []
    for other in others:
        if hash_at(snapshot.path, other.described.number) == other.described.hash:
            continue
        beside = snapshot.path + b".other"
        try:
            stage(other, beside)
        except CatalogError as error:  # then it is no witness of another chain, but a damaged file
            failed.append(f"{other.shown}: {error.message}")
            continue
        finally:
            clear_away(beside)
        raise UsageError(
            f"the backups contradict each other: the journal of {chosen.shown} is not a continuation of the journal "
            f"of {other.shown}; one of them was rewritten, or two catalogs went on from one",
            remedy="Find out which replica can be believed, then say so: --trust REPLICA.",
        )
    return failed


def _write_all(fd: int, buffer: memoryview) -> None:
    while buffer:
        buffer = buffer[os.write(fd, buffer) :]
