"""What came of adopting bags in place; as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields, show
from reports import findings, validation
from reports.rows import ValidationView
from reports.words import OUTCOMES, count, size, visible

_MOST_SHOWN = 200  # of the bags that were adopted; those that were not are all shown

_SAID = {
    "package": "adopted as a new package",
    "version": "adopted as the next version",
    "copy": "adopted as a copy",
    "already": "is recorded already; not read now",
    "would": "would be read, and adopted if it is whole",
    "nothing": "not adopted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedLine:
    """One bag.

    Attributes:
        path: below the replica's root.
        became: package, version, copy, already, would (of a dry run) or nothing.
        strength: what the bag's own manifests prove, where that is not much.
        bag: what came of validating it; None if it was not read.
    """

    path: bytes
    became: str
    outcome: Outcome
    package: str = ""
    version: int = 0
    files: int = 0
    size_bytes: int | None = None
    evidence: str = ""
    strength: str = ""
    problem: str = ""
    remedy: str = ""
    bag: ValidationView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionView:
    """`stopped`: why the bags after the last line were not looked at; empty if all were."""

    replica: str
    lines: Sequence[AdoptedLine]
    dry_run: bool = False
    stopped: str = ""


def outcome_of(view: AdoptionView) -> Outcome:
    """FAIL if a bag is not to be adopted as it is, INCONCLUSIVE if that could not be told; PASS where there is none."""
    outcomes = {line.outcome for line in view.lines} | ({Outcome.INCONCLUSIVE} if view.stopped else set())
    return next((worse for worse in (Outcome.FAIL, Outcome.INCONCLUSIVE) if worse in outcomes), Outcome.PASS)


def as_json(view: AdoptionView) -> dict[str, object]:
    found = [finding for line in view.lines if line.bag is not None for finding in line.bag.findings]
    became = [line.became for line in view.lines]
    return {
        "outcome": outcome_of(view).value,
        "replica": view.replica,
        "dry_run": view.dry_run,
        "stopped": view.stopped or None,
        "bags": [
            {
                **path_fields(line.path),
                "became": line.became,
                "outcome": line.outcome.value,
                "package": line.package or None,
                "version": line.version or None,
                "files": line.files,
                "size_bytes": line.size_bytes,
                "evidence": line.evidence or None,
                "strength": line.strength,
                "problem": line.problem,
                "remedy": line.remedy,
            }
            for line in view.lines
        ],
        "findings": [findings.as_json(line) for line in found],
        "counts": {
            "bags": len(view.lines),
            "packages": became.count("package"),
            "versions": became.count("version"),
            "copies": became.count("copy"),
            "already": became.count("already"),
            "left": became.count("nothing"),
            **findings.counts_of(found, None),
        },
    }


def as_text(view: AdoptionView) -> RenderableType:
    parts: list[RenderableType] = []
    shown = 0
    for line in view.lines:
        if line.outcome is Outcome.PASS:
            shown += 1
            if shown > _MOST_SHOWN:
                continue
        parts += _line(line)
    if shown > _MOST_SHOWN:
        parts.append(Text(f"… and {shown - _MOST_SHOWN:,} more like these (--json has them)", "dim"))
    if not view.lines:
        parts.append(Text(f"{visible(view.replica)}: there is no bag to adopt"))
    if view.stopped:
        parts.append(Text(f"stopped: {visible(view.stopped)}; the rest was not looked at", "bold yellow"))
    return Group(*parts)


def _line(line: AdoptedLine) -> list[RenderableType]:
    mark, style = OUTCOMES[line.outcome]
    text = Text.assemble((f"{mark} ", style), (f"{show(line.path)}/", "bold"), f"  {_SAID[line.became]}")
    if line.problem:
        text.append(f": {visible(line.problem)}")
    about = [visible(line.package)] if line.package else []
    about += [f"version {line.version}"] if line.version else []
    about += [count(line.files, "file")] if line.files else []
    about += [size(line.size_bytes)] if line.size_bytes is not None else []
    about += [line.evidence] if line.evidence else []
    text.append(f"  {', '.join(about)}" if about else "", "dim")
    for said in (line.strength, line.remedy):
        text.append(f"\n    {visible(said)}" if said else "", "dim")
    parts: list[RenderableType] = [text]
    if line.bag is not None and line.outcome is not Outcome.PASS:
        parts.append(Padding(validation.as_text(line.bag), (0, 0, 0, 4), expand=False))
    elif line.bag is not None:
        parts += findings.as_text(line.bag.findings, most=5)
    return parts
