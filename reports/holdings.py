"""What came of taking bags in and of placing packages on replicas."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome, worst
from checks.names import show
from reports import findings, validation
from reports.rows import FindingLine, ValidationView
from reports.words import OUTCOMES, count, size, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenLine:
    """One bag. Without an identifier it was not taken in."""

    bag: ValidationView
    identifier: str | None = None
    version: int = 0
    files: int = 0
    size_bytes: int = 0
    root: str = ""  # of the inventory, hexadecimal
    already: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """One package and one replica. `problem` says why there is no new copy."""

    package: str
    replica: str
    outcome: Outcome
    location: bytes = b""
    evidence: str = ""  # by which it was read back
    already: bool = False
    problem: str = ""
    remedy: str = ""
    findings: tuple[FindingLine, ...] = ()


def taken_outcome(lines: Sequence[TakenLine]) -> Outcome:
    return worst([line.bag.outcome for line in lines])


def placed_outcome(lines: Sequence[PlacedLine]) -> Outcome:
    return worst([line.outcome for line in lines])


def taken_json(lines: Sequence[TakenLine]) -> dict[str, object]:
    found = [finding for line in lines for finding in line.bag.findings]
    return {
        "outcome": taken_outcome(lines).value,
        "packages": [
            {
                "bag": show(line.bag.path),
                "id": line.identifier,
                "version": line.version,
                "files": line.files,
                "size_bytes": line.size_bytes,
                "root": line.root,
                "already": line.already,
                "outcome": line.bag.outcome.value,
            }
            for line in lines
        ],
        "findings": [findings.as_json(line) for line in found],
        "counts": {
            "bags": len(lines),
            "taken_in": sum(line.identifier is not None for line in lines),
            **findings.counts_of(found, None),
        },
    }


def taken_text(lines: Sequence[TakenLine]) -> RenderableType:
    parts: list[RenderableType] = []
    for line in lines:
        if line.identifier is None:
            parts += [validation.as_text(line.bag), Text("It was not taken in.\n", "bold")]
            continue
        mark, style = OUTCOMES[Outcome.PASS]
        what = "was known as it is" if line.already else "taken in"
        text = Text.assemble((f"{mark} ", style), (visible(line.identifier), "bold"), f" {what}")
        text.append(f"  version {line.version}, {count(line.files, 'file')}, {size(line.size_bytes)}", "dim")
        parts.append(text)
        parts += findings.as_text(line.bag.findings)
    return Group(*parts)


def placed_json(lines: Sequence[PlacedLine]) -> dict[str, object]:
    found = [finding for line in lines for finding in line.findings]
    return {
        "outcome": placed_outcome(lines).value,
        "copies": [
            {
                "package": line.package,
                "replica": line.replica,
                "outcome": line.outcome.value,
                "location": show(line.location),
                "evidence": line.evidence or None,
                "already": line.already,
                "problem": line.problem,
                "remedy": line.remedy,
            }
            for line in lines
        ],
        "findings": [findings.as_json(line) for line in found],
        "counts": {
            "copies": len(lines),
            "made": sum(line.outcome is Outcome.PASS and not line.already for line in lines),
            "already": sum(line.already for line in lines),
            **findings.counts_of(found, None),
        },
    }


def placed_text(lines: Sequence[PlacedLine]) -> RenderableType:
    parts: list[RenderableType] = []
    for line in lines:
        mark, style = OUTCOMES[line.outcome]
        text = Text.assemble((f"{mark} ", style), (visible(line.package), "bold"), f" at {visible(line.replica)}: ")
        if line.outcome is Outcome.PASS:
            text.append(
                "was there already; not read now" if line.already else f"copied, then read back ({line.evidence})"
            )
            text.append(f"  {show(line.location)}/", "dim")
        else:
            text.append(visible(line.problem))
            text.append(f"\n    {visible(line.remedy)}" if line.remedy else "", "dim")
        parts.append(text)
        parts += findings.as_text(line.findings)
    return Group(*parts)
