"""A disk that was read by itself: what its backup of the catalog expects, and bags that only speak for themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields, show
from reports import audits, findings, validation
from reports.layout import table
from reports.rows import AuditView, FindingLine, ValidationView
from reports.words import OUTCOMES, count, headline, iso, visible

OWN_MANIFESTS = "by its own manifests only"
_MOST_OTHERS = 20  # told in words


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLine:
    """The backup by which it is known what should be there. Number and hash are of its journal's head."""

    file: str
    catalog: str
    made_at: datetime
    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLine:
    """What one catalog tells of the disk.

    Attributes:
        later: how many links its journal has, as this disk shows, that the backup does not.
        audit: None where the backup expects nothing here.
    """

    backup: BackupLine
    later: int = 0
    audit: AuditView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BagHere:
    """A bag that no backup knows, in a folder below the disk's root."""

    folder: bytes
    view: ValidationView


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherHere:
    """What else stands on the disk that is no bag. `what` is a word for people."""

    path: bytes
    what: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HereView:
    """
    Attributes:
        by: empty: no backup lies there, or none holds; `did_not_hold` tells of those that do not.
        untold: what proves that a catalog knew the disk and that no backup here tells what it expects; never empty
            where nothing tells.
        notes: what else is to be known of backups and heads.
        more_others: how many others were only counted.
        unseen: folders that were not looked through, and why.
        tested_elsewhere: why the auditor was tested in another place than on the disk; empty: it was tested there.
    """

    replica: str
    uuid: str
    where: str
    by: tuple[KnownLine, ...] = ()
    did_not_hold: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    bags: tuple[BagHere, ...] = ()
    others: tuple[OtherHere, ...] = ()
    more_others: int = 0
    unseen: tuple[str, ...] = ()
    tested_elsewhere: str = ""

    @property
    def audits(self) -> list[AuditView]:
        return [one.audit for one in self.by if one.audit is not None]


def outcome_of(view: HereView) -> Outcome:
    """PASS only where a backup told what should be here, all of the disk was looked through and is good, and no
    catalog is left that cannot tell."""
    seen = [bag.view.outcome for bag in view.bags]
    seen += [audits.outcome_of(audit) for audit in view.audits]
    if Outcome.FAIL in seen:
        return Outcome.FAIL
    blind = view.untold or view.unseen or view.more_others or not view.audits
    return Outcome.INCONCLUSIVE if blind or Outcome.INCONCLUSIVE in seen else Outcome.PASS


def as_json(view: HereView) -> dict[str, object]:
    """As that of any audit, and what is to be known of the disk besides; `backup` is the newest of `catalogs`."""
    audit = audits.as_json(view.audits[0]) if view.audits else {}
    catalogs = [_of_catalog(one) for one in view.by]
    return {
        **audit,
        "outcome": outcome_of(view).value,
        "summary": sentence(view),
        "disk": {"name": view.replica, "uuid": view.uuid, "where": view.where},
        "known_by": " ".join(_how(view)),
        "backup": catalogs[0]["backup"] if catalogs else None,
        "catalogs": catalogs,
        "backups_that_do_not_hold": list(view.did_not_hold),
        "catalogs_that_cannot_tell": list(view.untold),
        "notes": list(view.notes),
        "tested_elsewhere": view.tested_elsewhere,
        "counts": {
            **_summed(view.audits),
            **findings.counts_of([line for _, line in _findings(view)], None),
            "bags_by_own_manifests": len(view.bags),
        },
        "bags": [{**validation.head(bag.view), "known_by": OWN_MANIFESTS} for bag in view.bags],
        "others": [{**path_fields(other.path), "what": other.what, "note": other.note} for other in view.others],
        "more_others": view.more_others,
        "not_looked_through": list(view.unseen),
        "findings": [{**findings.as_json(line), "catalog": catalog} for catalog, line in _findings(view)],
    }


def _of_catalog(one: KnownLine) -> dict[str, object]:
    backup = one.backup
    return {
        "backup": {
            "file": backup.file,
            "catalog": backup.catalog,
            "made_at": iso(backup.made_at),
            "head": backup.number,
            "hash": backup.hash,
        },
        "later_entries": one.later,
        "outcome": None if one.audit is None else audits.outcome_of(one.audit).value,
    }


def _summed(views: Sequence[AuditView]) -> dict[str, object]:
    """The counts of all audits together: what two catalogs expect was read twice."""
    total: dict[str, object] = {}
    for view in views:
        counts = audits.as_json(view).get("counts")
        for name, value in (counts if isinstance(counts, dict) else {}).items():
            before = total.get(name)
            total[name] = before + value if isinstance(before, int) and isinstance(value, int) else value
    return total


def as_text(view: HereView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), sentence(view))]
    parts += [Text.assemble(("not determined", "bold yellow"), f": {visible(why)}") for why in view.untold]
    parts += [Text.assemble(("warning", "bold yellow"), f": {visible(why)}") for why in _warnings(view)]
    for how, one in zip_longest(_how(view), view.by):
        parts.append(Text(visible(how or ""), "dim"))
        if one is not None and one.audit is not None:
            parts.append(audits.as_text(one.audit))
    if view.bags:
        parts.append(_bags(view))
        of_bags = [line for bag in view.bags for line in _of_bag(view, bag)]
        parts += findings.as_text(of_bags, most=50, more="; `preserve validate` tells all of a bag")
    if view.others:
        parts.append(Text(_others(view)))
    return Group(*parts)


def _others(view: HereView) -> str:
    names = [f"{show(other.path)} ({other.what}{f': {other.note}' * bool(other.note)})" for other in view.others]
    more = len(names) - _MOST_OTHERS + view.more_others if len(names) > _MOST_OTHERS else view.more_others
    told = ", ".join(names[:_MOST_OTHERS]) + (f", and {more:,} more" if more else "")
    return f"No bag, and not looked at: {visible(told)}."


def sentence(view: HereView) -> str:
    what = []
    if view.audits:
        good = sum(audit.files_good for audit in view.audits)
        rest = sum(audit.files_bad + audit.files_unread for audit in view.audits)
        by = f", by {len(view.audits)} catalogs" if len(view.audits) > 1 else ""
        words = (
            ("file or segment", "files and segments")
            if any(one.segmented for one in view.audits)
            else ("file", "files")
        )
        what.append(f"{count(good, *words)} of {good + rest:,} good{by}")
    if view.bags:
        good = sum(bag.view.outcome is Outcome.PASS for bag in view.bags)
        what.append(f"{good:,} of {count(len(view.bags), 'further bag')} valid {OWN_MANIFESTS}")
    if not view.audits:
        what.append("what should lie here is not known" if view.bags else "nothing lies here that could be read")
    told = "; ".join(what)
    return f"{visible(view.replica)} at {visible(view.where)}: {told}."


def _how(view: HereView) -> list[str]:
    """A sentence for each catalog, or that there is none."""
    if not view.by:
        return [
            "No backup of the catalog on this disk tells what should be here. Before a disk is carried away, "
            "`preserve catalog backup` where its catalog is lays one on it."
        ]
    of = f" {len(view.by)} catalogs know this disk." if len(view.by) > 1 else ""
    return [_of_backup(one, with_catalog=len(view.by) > 1) + (of if place == 0 else "")
            for place, one in enumerate(view.by)]  # fmt: skip


def _of_backup(one: KnownLine, *, with_catalog: bool) -> str:
    backup = one.backup
    known = (
        f"What should be here is known by the catalog's backup of {backup.made_at:%Y-%m-%d %H:%M} UTC "
        f"({backup.file}), whose journal ends with link {backup.number:,}, {backup.hash}."
    )
    if with_catalog:
        known += f" The catalog is {backup.catalog}."
    if one.later:
        later = count(one.later, "later entry", "later entries")
        known += f" The catalog has {later}, as the heads on this disk show."
    return known


def _warnings(view: HereView) -> Iterator[str]:
    yield from (f"a backup does not hold: {why}" for why in view.did_not_hold)
    yield from view.notes
    yield from (f"not looked through: {why}" for why in view.unseen)
    if view.tested_elsewhere:
        yield f"the auditor was tested in a temporary folder, not on this disk: {view.tested_elsewhere}"


def _bags(view: HereView) -> RenderableType:
    made = table("bag", "verdict", "files", "known", right=("files",))
    for bag in view.bags:
        mark, style = OUTCOMES[bag.view.outcome]
        files = f"{bag.view.counts.get('files', 0):,}"
        made.add_row(Text(show(bag.folder), "bold"), Text(f"{mark} {bag.view.verdict}", style), files, OWN_MANIFESTS)
    return made


def _findings(view: HereView) -> Iterator[tuple[str | None, FindingLine]]:
    """With the catalog that expects otherwise; None: of a bag that only speaks for itself."""
    for one in view.by:
        if one.audit is not None:
            yield from ((one.backup.catalog, line) for line in one.audit.findings)
    for bag in view.bags:
        yield from ((None, line) for line in _of_bag(view, bag))


def _of_bag(view: HereView, bag: BagHere) -> Iterator[FindingLine]:
    return (replace(line, package=show(bag.folder), replica=view.replica) for line in bag.view.findings)
