"""Making a lost catalog again: which replicas are asked, what they are called, how the catalog comes to its place."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import config
from checks.evidence import Evidence
from checks.names import show
from preserve.app.bare_catalog import is_bare, set_aside
from preserve.app.rebuild_request import Asked, Present, look
from preserve.app.workspace import operator, utc_now
from preserve.catalog.backing import BESIDE, clear_away
from preserve.catalog.catalog import Catalog
from preserve.catalog.opening import REVISIONS
from preserve.errors import UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.backup_choice import Chosen, candidates, choose
from preserve.repair.found_bags import Holder
from preserve.repair.rebuilding import Besides, Rebuilder, TakenCopy
from preserve.stores.durable import clear_unfinished, rename_no_replace, sync_directory, write_durably, writing
from preserve.stores.locking import locked
from reports.catalog_care import CopyLine, RebuildView

_ALL_LOST = (
    "when and by whom the packages were taken in, and the names of their collections",
    "audits, repairs and removals until now",
)


@dataclass(slots=True)
class _Made:
    """What is known of the new catalog when it is whole."""

    chosen: Chosen | None
    besides: Besides
    absent: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    text: str = ""  # of the settings, with every replica
    set_aside: str = ""  # where the empty catalog lies that stood there


def rebuild(asked: Asked, progress: Progress) -> RebuildView:
    """Makes the catalog again beside its place and renames it there at the very end; killed, it begins anew.

    Raises:
        UsageError: a catalog stands there in which something is recorded, a replica that was named is not one, or
            backups contradict each other.
        UndeterminedError: a disk is full or went away.
    """
    target = os.path.abspath(os.fsencode(asked.settings.catalog.path))
    folder, name = os.path.split(target)
    staged = os.path.join(folder, b".%s.rebuilding" % name)
    busy, remedy = "another `preserve` is making this catalog again", "Let it end."
    with locked(staged + b".lock", busy=busy, remedy=remedy, make=True):
        _clear_staged(staged)  # before anything is refused: a run killed at its very end left its lock, which goes too
        _refuse_standing(target)
        present, absent = look(asked)
        try:
            made = _fill(asked, present, absent, staged, progress)
            _publish(asked, made, staged, target)
        finally:
            _clear_staged(staged)
    return _view(made, target)


def _refuse_standing(target: bytes) -> None:
    if is_bare(target):
        return
    for name in (target, *(target + ending for ending in BESIDE)):
        if os.path.lexists(name):
            raise UsageError(
                f"{show(name)} is there; nothing is written over it",
                remedy="If it is of no use any more, move it away, with all whose names begin like it; keep it.",
            )


def _fill(asked: Asked, present: Sequence[Present], absent: Sequence[str], staged: bytes, progress: Progress) -> _Made:
    progress.stage("reading backups")
    chosen = None if asked.without_backups else _restored(asked, present, staged)
    if chosen is None:
        Catalog.create(staged).close()
    with Catalog.open(staged) as catalog, Threads(asked.settings.audit.threads) as threads:
        made = _Made(chosen=chosen, besides=Besides(), absent=list(absent), lost=_lost(asked, chosen), text=asked.text)
        holders = _holders(asked, catalog, present, made)
        rebuilder = Rebuilder(
            catalog,
            list(holders.values()),
            threads,
            utc_now,
            progress,
            required=Evidence.from_label(asked.settings.audit.evidence),
            by=operator(),
            trust=holders[asked.trust].name if asked.trust in holders else None,
            backed=chosen is not None,
        )
        made.besides = rebuilder.take_in()
        catalog.index_names()
        catalog.record_of_itself("catalog-rebuilt", _body(asked, made), utc_now())
        with catalog.bare() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return made


def _restored(asked: Asked, present: Sequence[Present], staged: bytes) -> Chosen | None:
    found = candidates({each.name: each.store for each in present})
    if not found:
        _refuse_unread(present)
        return None
    # Trust may be asked for in bags alone: a replica without a backup has nothing to say here.
    trust = asked.trust if any(one.replica == asked.trust for one in found) else None
    return choose(found, staged, trust)


def _refuse_unread(present: Sequence[Present]) -> None:
    """Where backups lie, that none of them can be used is for a person to know before anything is made without them."""
    named = [each.name for each in present if each.store.holds_traces()]
    if named:
        raise UsageError(
            f"something lies where backups of the catalog lie on {', '.join(named)}, and no description can be read",
            remedy="Look below .preserve/catalog there, or connect another replica. To make the catalog from the bags "
            "alone: --without-backups.",
        )


def _lost(asked: Asked, chosen: Chosen | None) -> list[str]:
    lost = list(_ALL_LOST)
    if chosen is not None:
        described = chosen.candidate.described
        since = f"link {described.number:,} of {described.made_at:%Y-%m-%d %H:%M} UTC"
        lost = [f"what was recorded after {since}: audits, repairs, removals, collections since then"]
    if asked.is_new:
        lost.append("the settings; what was made in their place has the replicas' folders, and no medium or site")
    return lost


def _holders(asked: Asked, catalog: Catalog, present: Sequence[Present], made: _Made) -> dict[str, Holder]:
    """The replicas as the catalog knows them from now on, by the name under which they were asked."""
    holders = {}
    known = {str(row.uuid): row for row in catalog.replicas(include_removed=True)}
    for each in present:
        row = known.get(each.identity.uuid)
        if row is not None and row.removed_at is not None:
            made.absent.append(f"{row.name}: taken out of use on {row.removed_at:%d %B %Y}; it was left out")
            continue
        if row is None:
            names = {other.name for other in catalog.replicas()}
            name = each.name if each.name not in names else f"{each.name[:50]}-{each.identity.uuid[:8]}"
            row = catalog.add_replica(UUID(each.identity.uuid), name, utc_now())
        if not each.configured and row.name in asked.settings.replicas:
            where = f"the settings name another place for it than {each.store.where}; correct its url there"
            made.absent.append(f"{row.name}: {where}")
        elif not each.configured:
            made.text = config.with_replica(made.text, row.name, each.url)
        holders[each.name] = Holder(id=row.id, name=row.name, uuid=str(row.uuid), store=each.store)
    return holders


def _body(asked: Asked, made: _Made) -> Mapping[str, object]:
    described = None if made.chosen is None else made.chosen.candidate.described
    source = None
    if made.chosen is not None and described is not None:
        source = {"replica": made.chosen.candidate.replica, "file": described.name.decode(), "head": described.number}
    besides = made.besides
    return {
        "by": operator(),
        "from": source,
        "trusted": asked.trust,
        "did_not_hold": list(made.chosen.did_not_hold) if made.chosen is not None else [],
        "packages": [str(row.uuid) for row in besides.packages],
        "copies": sum(copy.outcome is not None for copy in besides.copies),
        "left_out": [f"{copy.replica}: {show(copy.location)}" for copy in besides.copies if copy.outcome is None],
        "conflicts": besides.conflicts,
        "doubts": besides.doubts,
        "gone": besides.gone,
        "absent": made.absent,
        "lost": made.lost,
    }


def _publish(asked: Asked, made: _Made, staged: bytes, target: bytes) -> None:
    """Settings first: killed in between, the next run finds them, no catalog, and makes it again."""
    if made.text != asked.text or asked.is_new:
        with writing(os.fsencode(asked.settings.path)):
            clear_unfinished(os.fsencode(asked.settings.path))  # nobody else writes them where there is no catalog
            write_durably(os.fsencode(asked.settings.path), made.text.encode("utf-8"))
    with writing(target):
        fd = os.open(staged, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        if is_bare(target):
            made.set_aside = set_aside(target)
        rename_no_replace(staged, target)
        sync_directory(os.path.dirname(target))


def _clear_staged(staged: bytes) -> None:
    kept = staged + b".before-" + REVISIONS[-1].encode()  # of the backup, which is on a replica anyway
    for name in (staged, staged + b".other", kept, kept + b".partial"):
        clear_away(name)


def _view(made: _Made, target: bytes) -> RebuildView:
    chosen, besides = made.chosen, made.besides
    return RebuildView(
        catalog=show(target),
        set_aside=made.set_aside,
        taken_from="" if chosen is None else chosen.candidate.shown,
        head=0 if chosen is None else chosen.snapshot.number,
        packages=[row.identifier for row in besides.packages],
        copies=[_line(copy) for copy in besides.copies],
        did_not_hold=[] if chosen is None else list(chosen.did_not_hold),
        conflicts=besides.conflicts,
        absent=made.absent,
        doubts=besides.doubts,
        lost=made.lost,
        gone=besides.gone,
    )


def _line(copy: TakenCopy) -> CopyLine:
    return CopyLine(
        package=copy.package if copy.version == 1 else f"{copy.package}, version {copy.version}",
        replica=copy.replica,
        location=copy.location,
        outcome=copy.outcome,
        damage=copy.findings,
        why_not=copy.why_not,
    )
