"""What came of removing a package, and of deleting its copies."""

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields
from reports.words import OUTCOMES, count, headline, name, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedLine:
    """One copy of it. `problem` says why it was not deleted although it should have been."""

    replica: str
    place: bytes  # its folder; below the replica's root where the settings do not know that
    version: int
    deleted: bool = False
    was_gone: bool = False
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalView:
    package: str
    already: bool  # it was removed before
    deleting: bool
    copies: tuple[RemovedLine, ...]
    set_aside: tuple[bytes, ...]  # folders with files of it that repairs had set aside
    unclear: tuple[bytes, ...] = ()  # folders among those of which nobody can tell whose files are in them


def outcome_of(view: RemovalView) -> Outcome:
    """INCONCLUSIVE while a copy is left that was to be deleted."""
    return Outcome.INCONCLUSIVE if any(line.problem for line in view.copies) else Outcome.PASS


def as_json(view: RemovalView) -> dict[str, object]:
    deleted = sum(line.deleted for line in view.copies)
    return {
        "outcome": outcome_of(view).value,
        "summary": _sentence(view),
        "package": view.package,
        "already_removed": view.already,
        "copies": [
            {
                "replica": line.replica,
                "location": path_fields(line.place)["path"],
                **{key: value for key, value in path_fields(line.place).items() if key != "path"},
                "version": line.version,
                "deleted": line.deleted,
                "was_gone": line.was_gone,
                "problem": line.problem,
                "remedy": line.remedy,
            }
            for line in view.copies
        ],
        "set_aside": [path_fields(folder) for folder in view.set_aside],
        "unclear": [path_fields(folder) for folder in view.unclear],
        "findings": [],
        "counts": {"copies": len(view.copies), "deleted": deleted, "left": len(view.copies) - deleted},
    }


def as_text(view: RemovalView) -> RenderableType:
    parts: list[RenderableType] = [headline(outcome_of(view), _sentence(view))]
    parts += [Padding(_line(line), (0, 0, 0, 2), expand=False) for line in view.copies]
    if any(not line.deleted for line in view.copies) and not view.deleting:
        parts.append(Text(f"To delete them: preserve remove {visible(view.package)} --delete-copies", "dim"))
    if view.set_aside:
        parts.append(Text("What repairs of it had set aside stays; delete it by hand if it must go too:", "dim"))
        parts += [Text(f"  {name(folder)}/", "dim") for folder in view.set_aside]
    if view.unclear:
        parts.append(
            Text("Whose files lie in these, which repairs made, cannot be told; look before you delete:", "dim")
        )
        parts += [Text(f"  {name(folder)}/", "dim") for folder in view.unclear]
    return Group(*parts)


def _sentence(view: RemovalView) -> str:
    if not view.set_aside:
        return _of_copies(view)
    stay = count(len(view.set_aside), "folder that repairs set aside stays", "folders that repairs set aside stay")
    return f"{_of_copies(view)} {stay}."


def _of_copies(view: RemovalView) -> str:
    who = visible(view.package)
    head = f"{who} was removed before" if view.already else f"{who} is looked after no longer; its history is kept"
    if not view.copies:
        return f"{head}. No copy of it is left."
    if not view.deleting:
        return f"{head}. {count(len(view.copies), 'copy stays where it is', 'copies stay where they are')}."
    left = sum(not line.deleted for line in view.copies)
    if left:
        return f"{head}. {left:,} of {count(len(view.copies), 'copy', 'copies')} could not be deleted."
    return f"{head}. {count(len(view.copies), 'copy was', 'copies were')} deleted."


def _line(line: RemovedLine) -> Text:
    mark, style = (
        OUTCOMES[Outcome.PASS] if line.deleted else OUTCOMES[Outcome.INCONCLUSIVE] if line.problem else ("·", "")
    )
    text = Text.assemble((f"{mark} ", style), (visible(line.replica), "bold"), f"  {name(line.place)}/")
    text.append(f"  version {line.version}" if line.version > 1 else "", "dim")
    if line.deleted:
        text.append("  was not there any more" if line.was_gone else "  deleted", "dim")
    if line.problem:
        text.append(f"\n    {visible(line.problem)}")
        text.append(f"\n    {visible(line.remedy)}" if line.remedy else "", "dim")
    return text
