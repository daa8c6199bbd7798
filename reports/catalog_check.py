"""Whether the catalog is what its own journal, the heads on the replicas and the bags' manifests say it must be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields
from reports.words import count, headline, iso, name, visible

LINES_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLine:
    """A place where the catalog is not what it must be. Texts are showable."""

    where: str  # a table, or `journal`
    number: int | None  # of the journal's link it is about
    message: str
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BagLine:
    """A file of which the catalog and the manifests of every copy that could be asked do not say the same."""

    package: str
    version: int
    replica: str
    path: bytes
    message: str
    expected: str = ""  # SHA-256 by the catalog, hex
    found: str = ""  # by the manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentLine:
    """A replica that could not be asked what it remembers.

    Attributes:
        offline: by the settings it may be away, and no other disk is in its place.
        late_since: the date by which it should have been here all the same, if that has passed.
    """

    replica: str
    why: str
    offline: bool = False
    late_since: datetime | None = None

    @property
    def excused(self) -> bool:
        """Whether it is away as it may be."""
        return self.offline and self.late_since is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    catalog: str
    links: int  # of the journal
    head: str  # hex
    heads: Sequence[str]  # where heads were seen that the journal was compared with
    faults: Sequence[FaultLine]
    heads_doubted: Sequence[str] = ()  # what in the lists of heads on the replicas could not be compared, and why
    backups_missing: Sequence[str] = ()  # replicas that had some, by the journal, and have none of the last
    misfits: Sequence[str] = ()  # files among the backups that are none
    replicas: int = 0  # in use
    not_asked: Sequence[AbsentLine] = ()  # those of them that were not there
    bags: Sequence[BagLine] = ()
    bags_asked: bool = True
    bags_compared: int = 0  # versions of packages
    bags_not_there: Sequence[str] = ()  # of which no copy could be asked
    files: int = 0  # expected in those compared
    files_by_digest: int = 0


def outcome_of(view: CheckView) -> Outcome:
    """FAIL with any fault; INCONCLUSIVE where bags, heads or replicas could not be asked, or where backups are gone.

    A replica that is away as it may be is only named, as long as another one was asked.
    """
    if view.faults or view.bags:
        return Outcome.FAIL
    nobody_asked = len(view.not_asked) == view.replicas > 0
    missed = nobody_asked or any(not line.excused for line in view.not_asked)
    unknown = missed or view.bags_not_there or view.backups_missing or view.heads_doubted
    return Outcome.INCONCLUSIVE if unknown else Outcome.PASS


def as_json(view: CheckView) -> dict[str, object]:
    return {
        "outcome": outcome_of(view).value,
        "catalog": view.catalog,
        "head": {"number": view.links, "hash": view.head},
        "heads": list(view.heads),
        "backups_missing": list(view.backups_missing),
        "heads_doubted": list(view.heads_doubted),
        "not_compared": list(view.bags_not_there),
        "not_asked": [
            {
                "replica": line.replica,
                "why": line.why,
                "offline": line.offline,
                "late_since": iso(line.late_since),
            }
            for line in view.not_asked
        ],
        "warnings": _warnings(view),
        "findings": [
            {
                "code": "catalog-changed",
                "severity": "error",
                "where": line.where,
                "link": line.number,
                "message": line.message,
                "expected": line.expected or None,
                "observed": line.found or None,
            }
            for line in view.faults
        ]
        + [
            {
                "code": "catalog-against-manifest",
                "severity": "error",
                "package": line.package,
                "version": line.version,
                "replica": line.replica,
                **path_fields(line.path),
                "message": line.message,
                "expected": line.expected or None,
                "observed": line.found or None,
            }
            for line in view.bags
        ],
        "counts": {
            "faults": len(view.faults),
            "links": view.links,
            "heads": len(view.heads),
            "replicas": view.replicas,
            "not_asked": len(view.not_asked),
            "backups_missing": len(view.backups_missing),
            "bags_compared": view.bags_compared,
            "bags_not_there": len(view.bags_not_there),
            "files": view.files,
            "files_by_digest": view.files_by_digest,
            "disagreements": len(view.bags),
        },
    }


def as_text(view: CheckView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), _sentence(view))]
    parts += [Text.assemble(("warning", "bold yellow"), f": {visible(told)}") for told in _warnings(view)]
    parts += [_fault(line) for line in view.faults[:LINES_SHOWN]]
    parts += [_bag(line) for line in view.bags[:LINES_SHOWN]]
    hidden = max(0, len(view.faults) - LINES_SHOWN) + max(0, len(view.bags) - LINES_SHOWN)
    if hidden:
        parts.append(Text(f"… and {count(hidden, 'more fault')}; --json lists all", "dim"))
    parts += [Text(f"? the backups on a replica are gone: {visible(told)}", "yellow") for told in view.backups_missing]
    parts += [Text(f"? {visible(told)}", "yellow") for told in view.heads_doubted]
    parts += [_absent(line) for line in view.not_asked]
    if view.bags_not_there:
        parts.append(
            Text(f"? no copy could be asked of: {', '.join(map(visible, view.bags_not_there[:20]))}", "yellow")
        )
    if view.faults:
        parts.append(
            Text("\nDo not work on with it. See `docs/disaster.md`: the catalog is gone, or not to be trusted.")
        )
    parts.append(Text(f"{visible(view.catalog)}; the journal's last link is {view.links:,}, {view.head}", "dim"))
    return Group(*parts)


def _sentence(view: CheckView) -> str:
    if view.faults or view.bags:
        return f"The catalog is not what it should be: {count(len(view.faults) + len(view.bags), 'fault')}."
    told = f"The catalog is what its journal of {count(view.links, 'link')} says"
    if view.heads:
        told += f", the journal is the one that {count(len(view.heads), 'file')} on the replicas remember"
    if view.bags_compared:
        told += f", and the manifests of {count(view.bags_compared, 'bag')} agree"
        told += f" ({view.files_by_digest:,} of {count(view.files, 'file')} by digest)"
    if view.not_asked:
        told += f"; {len(view.not_asked):,} of {count(view.replicas, 'replica')} could not be asked"
    return f"{told}."


def _absent(line: AbsentLine) -> Text:
    told = f"{visible(line.replica)} was not asked what it remembers: it is not there ({visible(line.why)})"
    if line.excused:
        return Text(f"– {told}, as it may be", "dim")
    if line.late_since is not None:
        told += f"; it should have been here by {line.late_since:%Y-%m-%d}"
    return Text(f"? {told}. Check again when it is there.", "yellow")


def _warnings(view: CheckView) -> list[str]:
    told = [
        f"{one}: it is not there as its description tells, or none can be read; it was not asked"
        for one in view.misfits
    ]
    if view.heads:
        return told
    return [
        *told,
        "nothing on any replica that is there remembers the journal: that it was cut back, or written anew as a "
        "whole, could not be told; `preserve catalog backup` makes one",
    ]


def _fault(line: FaultLine) -> Padding:
    text = Text.assemble(("✖ ", "red"), (visible(line.where), "bold"))
    text.append(f" (link {line.number:,})" if line.number is not None else "", "dim")
    text.append(f": {visible(line.message)}")
    if line.expected or line.found:
        text.append(
            f"\n    should be {visible(line.expected) or 'nothing'}; is {visible(line.found) or 'nothing'}", "dim"
        )
    return Padding(text, (0, 0, 0, 0), expand=False)


def _bag(line: BagLine) -> Padding:
    text = Text.assemble(("✖ ", "red"), (visible(line.package), "cyan"), f" version {line.version}  ")
    text.append(name(line.path), "bold").append(f": {visible(line.message)}")
    if line.expected or line.found:
        text.append(
            f"\n    the catalog says {line.expected[:16]}…, at {visible(line.replica)} stands {line.found[:16]}…", "dim"
        )
    return Padding(text, (0, 0, 0, 0), expand=False)
