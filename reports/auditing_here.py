"""A disk that was read by itself: what its backup of the catalog expects, and bags that only speak for themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from checks.names import show
from reports import audits, findings, validation
from reports.layout import table
from reports.rows import AuditView, FindingLine, ValidationView
from reports.words import OUTCOMES, count, headline, iso, visible

OWN_MANIFESTS = "by its own manifests only"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLine:
    """The backup by which it is known what should be there. Number and hash are of its journal's head."""

    file: str
    catalog: str
    made_at: datetime
    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BagHere:
    """A bag that the backup does not know, in a folder of the disk's root."""

    folder: bytes
    view: ValidationView


@dataclass(frozen=True, slots=True, kw_only=True)
class HereView:
    """
    Attributes:
        backup: None: none lies there, or none holds; `did_not_hold` tells of those that do not.
        audit: None where the backup expects nothing here, or there is none.
        tested_elsewhere: why the auditor was tested in another place than on the disk; empty: it was tested there.
    """

    replica: str
    uuid: str
    where: str
    backup: BackupLine | None
    did_not_hold: tuple[str, ...] = ()
    audit: AuditView | None = None
    bags: tuple[BagHere, ...] = ()
    tested_elsewhere: str = ""


def outcome_of(view: HereView) -> Outcome:
    """PASS only where something was read and all of it is good, and no backup was there that should have told more."""
    seen = [bag.view.outcome for bag in view.bags]
    seen += [] if view.audit is None else [audits.outcome_of(view.audit)]
    if Outcome.FAIL in seen:
        return Outcome.FAIL
    blind = not seen or (view.backup is None and view.did_not_hold)
    return Outcome.INCONCLUSIVE if blind or Outcome.INCONCLUSIVE in seen else Outcome.PASS


def as_json(view: HereView) -> dict[str, object]:
    """As that of any audit, and what is to be known of the disk besides."""
    audit = {} if view.audit is None else audits.as_json(view.audit)
    counts = audit.get("counts")
    return {
        **audit,
        "outcome": outcome_of(view).value,
        "summary": sentence(view),
        "disk": {"name": view.replica, "uuid": view.uuid, "where": view.where},
        "known_by": _how(view),
        "backup": None
        if view.backup is None
        else {
            "file": view.backup.file,
            "catalog": view.backup.catalog,
            "made_at": iso(view.backup.made_at),
            "head": view.backup.number,
            "hash": view.backup.hash,
        },
        "backups_that_do_not_hold": list(view.did_not_hold),
        "tested_elsewhere": view.tested_elsewhere,
        "counts": {
            **(counts if isinstance(counts, dict) else {}),
            **findings.counts_of(list(_findings(view)), None),
            "bags_by_own_manifests": len(view.bags),
        },
        "bags": [{**validation.head(bag.view), "known_by": OWN_MANIFESTS} for bag in view.bags],
        "findings": [findings.as_json(line) for line in _findings(view)],
    }


def as_text(view: HereView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), sentence(view)), Text(visible(_how(view)), "dim")]
    parts += [Text.assemble(("warning", "bold yellow"), f": {visible(why)}") for why in _warnings(view)]
    if view.audit is not None:
        parts.append(audits.as_text(view.audit))
    if view.bags:
        parts.append(_bags(view))
        of_bags = [line for bag in view.bags for line in _of_bag(view, bag)]
        parts += findings.as_text(of_bags, most=50, more="; `preserve validate` tells all of a bag")
    return Group(*parts)


def sentence(view: HereView) -> str:
    what = []
    if view.audit is not None:
        audit = view.audit
        what.append(
            f"{count(audit.files_good, 'file')} of {audit.files_good + audit.files_bad + audit.files_unread:,} good"
        )
    if view.bags:
        good = sum(bag.view.outcome is Outcome.PASS for bag in view.bags)
        what.append(f"{good:,} of {count(len(view.bags), 'further bag')} valid {OWN_MANIFESTS}")
    told = "; ".join(what) or "nothing lies here that could be read"
    return f"{visible(view.replica)} at {visible(view.where)}: {told}."


def _how(view: HereView) -> str:
    if view.backup is None:
        return "No backup of the catalog on this disk tells what should be here."
    backup = view.backup
    return (
        f"What should be here is known by the catalog's backup of {backup.made_at:%Y-%m-%d %H:%M} UTC "
        f"({backup.file}), whose journal ends with link {backup.number:,}, {backup.hash}."
    )


def _warnings(view: HereView) -> Iterator[str]:
    yield from (f"a backup does not hold: {why}" for why in view.did_not_hold)
    if view.tested_elsewhere:
        yield f"the auditor was tested in a temporary folder, not on this disk: {view.tested_elsewhere}"


def _bags(view: HereView) -> RenderableType:
    made = table("bag", "verdict", "files", "known", right=("files",))
    for bag in view.bags:
        mark, style = OUTCOMES[bag.view.outcome]
        files = f"{bag.view.counts.get('files', 0):,}"
        made.add_row(Text(show(bag.folder), "bold"), Text(f"{mark} {bag.view.verdict}", style), files, OWN_MANIFESTS)
    return made


def _findings(view: HereView) -> Iterator[FindingLine]:
    yield from () if view.audit is None else view.audit.findings
    for bag in view.bags:
        yield from _of_bag(view, bag)


def _of_bag(view: HereView, bag: BagHere) -> Iterator[FindingLine]:
    return (replace(line, package=show(bag.folder), replica=view.replica) for line in bag.view.findings)
