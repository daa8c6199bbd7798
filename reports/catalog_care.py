"""What came of backing the catalog up, and of making it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from checks.names import show
from reports.words import OUTCOMES, count, headline, iso, size, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLine:
    """One replica. Without a name nothing was placed there, and `problem` says why."""

    replica: str
    name: bytes = b""
    pruned: int = 0  # older ones that were taken away
    away: bool = False  # it is not there now
    offline: bool = False  # it may be away
    late_since: datetime | None = None  # the date by which it should have been here all the same, if that has passed
    problem: str = ""
    remedy: str = ""

    @property
    def excused(self) -> bool:
        """Whether it is away as it may be."""
        return self.away and self.offline and self.late_since is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """One backup. Head, hash (hexadecimal) and size are nothing where none could be made."""

    lines: Sequence[BackupLine]
    head: int = 0
    head_hash: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLine:
    """A copy that was taken into the catalog again, or that was left out (no outcome)."""

    package: str
    replica: str
    location: bytes
    outcome: Outcome | None = None
    damage: int = 0  # findings
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildView:
    """A catalog made again. All texts are for people."""

    catalog: str  # the file, showable
    set_aside: str = ""  # where the empty one is that stood in its place
    taken_from: str = ""  # which backup on which replica; empty if none
    head: int = 0
    packages: Sequence[str] = ()  # taken in besides the backup
    copies: Sequence[CopyLine] = ()
    did_not_hold: Sequence[str] = ()  # backups, with why
    conflicts: Sequence[str] = ()  # packages that were not taken in, with why and the way out
    absent: Sequence[str] = ()  # replicas
    doubts: Sequence[str] = ()  # expectations that nothing vouches for
    lost: Sequence[str] = ()  # history that could not be had
    gone: Sequence[str] = ()  # copies that the backup knows and whose folder is not there


def backup_outcome(view: BackupView) -> Outcome:
    """PASS if it was placed somewhere, and on each replica that may not be away."""
    placed = any(line.name for line in view.lines)
    failed = any(not line.name and not line.excused for line in view.lines)
    return Outcome.PASS if placed and not failed else Outcome.INCONCLUSIVE


def backup_json(view: BackupView) -> dict[str, object]:
    return {
        "outcome": backup_outcome(view).value,
        "head": {"number": view.head, "hash": view.head_hash or None},
        "size_bytes": view.size_bytes,
        "replicas": [
            {
                "replica": line.replica,
                "file": show(line.name) or None,
                "pruned": line.pruned,
                "available": not line.away,
                "offline": line.offline,
                "late_since": iso(line.late_since),
                "problem": line.problem,
                "remedy": line.remedy,
            }
            for line in view.lines
        ],
        "findings": [],
        "counts": {
            "replicas": len(view.lines),
            "placed": sum(bool(line.name) for line in view.lines),
            "away": sum(line.away for line in view.lines),
            "pruned": sum(line.pruned for line in view.lines),
        },
    }


def backup_text(view: BackupView) -> RenderableType:
    placed = sum(bool(line.name) for line in view.lines)
    if placed:
        where = count(placed, "replica")
        sentence = f"the catalog was backed up on {where}: {size(view.size_bytes)}, journal up to link {view.head:,}"
    else:
        sentence = "the catalog could not be backed up"
    return Group(headline(backup_outcome(view), sentence), *(_backup_line(line) for line in view.lines))


def backup_sentence(view: BackupView) -> str:
    """One line, for a log."""
    named = [line.replica for line in view.lines if line.name]
    told = f"catalog backed up on {', '.join(named)}" if named else "the catalog could not be backed up"
    missed = [
        f"{line.replica}: {line.problem}{_late(line)}" for line in view.lines if line.problem and not line.excused
    ]
    return f"{told}; {'; '.join(missed)}" if missed else told


def _backup_line(line: BackupLine) -> Text:
    outcome = Outcome.PASS if line.name else Outcome.INCONCLUSIVE
    mark, style = ("–", "dim") if line.excused else OUTCOMES[outcome]
    text = Text.assemble((f"{mark} ", style), (visible(line.replica), "bold"), ": ")
    text.append(show(line.name) if line.name else "")
    text.append(f"; {count(line.pruned, 'older one')} taken away" if line.pruned else "", "dim")
    if line.problem:
        warned = "warning: " if line.away and not line.excused else ""
        text.append(f"{'; ' if line.name else ''}{warned}{visible(line.problem)}{_late(line)}")
        text.append(f"\n    {visible(line.remedy)}" if line.remedy else "", "dim")
    return text


def _late(line: BackupLine) -> str:
    return "" if line.late_since is None else f"; it should have been here by {line.late_since:%Y-%m-%d}"


def rebuild_outcome(view: RebuildView) -> Outcome:
    """FAIL if damage was found; INCONCLUSIVE if something was left out, not there, or could not be proved."""
    outcomes = {line.outcome for line in view.copies}
    if Outcome.FAIL in outcomes or view.gone:
        return Outcome.FAIL
    open_ = view.conflicts or view.absent or view.doubts or outcomes & {None, Outcome.INCONCLUSIVE}
    return Outcome.INCONCLUSIVE if open_ else Outcome.PASS


def rebuild_json(view: RebuildView) -> dict[str, object]:
    return {
        "outcome": rebuild_outcome(view).value,
        "catalog": view.catalog,
        "from": view.taken_from or None,
        "head": view.head,
        "packages": list(view.packages),
        "copies": [
            {
                "package": line.package,
                "replica": line.replica,
                "location": show(line.location),
                "outcome": None if line.outcome is None else line.outcome.value,
                "damage": line.damage,
                "left_out_because": line.why_not or None,
            }
            for line in view.copies
        ],
        "did_not_hold": list(view.did_not_hold),
        "conflicts": list(view.conflicts),
        "absent": list(view.absent),
        "doubts": list(view.doubts),
        "lost": list(view.lost),
        "gone": list(view.gone),
        "findings": [],
        "counts": {
            "packages": len(view.packages),
            "copies": sum(line.outcome is not None for line in view.copies),
            "damaged_copies": sum(line.outcome is Outcome.FAIL for line in view.copies),
            "left_out": sum(line.outcome is None for line in view.copies),
            "conflicts": len(view.conflicts),
        },
    }


def rebuild_text(view: RebuildView) -> RenderableType:
    source = f"from {visible(view.taken_from)}" if view.taken_from else "without a backup"
    lines = [headline(rebuild_outcome(view), f"the catalog {view.catalog} was made again, {source}")]
    if view.set_aside:
        lines.append(Text(f"the empty catalog that stood there is kept as {visible(view.set_aside)}"))
    taken = [line for line in view.copies if line.outcome is not None]
    if taken:
        found = f"{count(len(view.packages), 'package')} and {count(len(taken), 'copy', 'copies')}"
        lines.append(Text(f"taken in from the replicas: {found}"))
    lines += [_copy_line(line) for line in view.copies if line.outcome is not Outcome.PASS]
    for heading, said in (
        ("recorded copies whose folder is not there (removed since, or lost)", view.gone),
        ("backups that did not hold", view.did_not_hold),
        ("not taken in", view.conflicts),
        ("replicas that were not there", view.absent),
        ("not vouched for", view.doubts),
        ("what could not be had", view.lost),
    ):
        if said:
            lines.append(Text(f"{heading}:", "bold"))
            lines += [Text(f"  {visible(each)}") for each in said]
    return Group(*lines, Text("next: preserve catalog check, preserve status, preserve audit", "dim"))


def _copy_line(line: CopyLine) -> Text:
    mark, style = OUTCOMES[line.outcome or Outcome.INCONCLUSIVE]
    text = Text.assemble((f"{mark} ", style), (visible(line.package), "bold"), f" at {visible(line.replica)}: ")
    if line.outcome is None:
        text.append(visible(line.why_not))
    elif line.damage:
        text.append(f"taken in with {count(line.damage, 'finding')}")
    else:
        text.append("taken in; not all of it could be read")
    return text.append(f"  {show(line.location)}/", "dim")
