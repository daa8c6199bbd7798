"""The AIPs of an Archivematica Storage Service, and what came of checking them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Evidence, Outcome, worst
from reports import findings
from reports.layout import table
from reports.rows import FindingLine
from reports.words import count, headline, size, visible

_CLAIMED = Evidence.CLAIMED.label


@dataclass(frozen=True, slots=True, kw_only=True)
class AipLine:
    """One AIP as the service lists it; texts may be empty."""

    uuid: str
    status: str
    size_bytes: int | None
    stored: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """`problem`: why the list is not all there is."""

    service: str
    lines: Sequence[AipLine]
    warnings: Sequence[str] = ()
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLine:
    """One AIP that was checked. `evidence` is a label, None where nothing is known."""

    uuid: str
    how: str
    outcome: Outcome
    evidence: str | None
    sentence: str
    findings: Sequence[FindingLine] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """`problem`: why these may not be all AIPs that there are, where all were asked for."""

    service: str
    lines: Sequence[CheckedLine]
    warnings: Sequence[str] = ()
    problem: str = ""
    remedy: str = ""


def list_outcome(view: ListView) -> Outcome:
    return Outcome.INCONCLUSIVE if view.problem else Outcome.PASS


def check_outcome(view: CheckView) -> Outcome:
    """The worst of all; what may have been left out is not good."""
    return worst([line.outcome for line in view.lines] + [Outcome.INCONCLUSIVE] * bool(view.problem))


def list_json(view: ListView) -> dict[str, object]:
    """All but `aips`, which are `aips_json`."""
    return {
        "outcome": list_outcome(view).value,
        "service": view.service,
        "findings": [],
        "counts": {"aips": len(view.lines), "size_bytes": sum(line.size_bytes or 0 for line in view.lines)},
        "problem": view.problem or None,
        "warnings": list(view.warnings),
    }


def aips_json(view: ListView) -> Iterator[dict[str, object]]:
    for line in view.lines:
        yield {
            "uuid": line.uuid,
            "status": line.status,
            "size_bytes": line.size_bytes,
            "stored": line.stored,
            "location": line.location,
        }


def list_text(view: ListView) -> Iterator[RenderableType]:
    shown = table("AIP", "status", "size", "stored", "location", right=("size",))
    shown.columns[0].no_wrap = True  # a UUID in two halves can be neither searched for nor copied
    for line in view.lines:
        size_ = "" if line.size_bytes is None else size(line.size_bytes)
        cells = (line.uuid, line.status, size_, line.stored, line.location)
        shown.add_row(*(Text(visible(cell)) for cell in cells))
    if view.lines:
        yield shown
    if view.lines or not view.problem:
        yield Text(f"{count(len(view.lines), 'AIP')} at {visible(view.service)}")
    yield from _problem(view.problem, view.remedy, some=bool(view.lines))


def check_json(view: CheckView) -> dict[str, object]:
    """All but `findings`, which are `findings_json`. `evidence` is `claimed` where the service only said so."""
    outcomes = [line.outcome for line in view.lines]
    return {
        "outcome": check_outcome(view).value,
        "service": view.service,
        "counts": {
            "aips": len(view.lines),
            "good": outcomes.count(Outcome.PASS),
            "good_by_claim_only": sum(_only_claimed(line) for line in view.lines),
            "damaged": outcomes.count(Outcome.FAIL),
            "not_determined": outcomes.count(Outcome.INCONCLUSIVE),
            **findings.counts_of(_all_findings(view), None),
        },
        "problem": view.problem or None,
        "warnings": list(view.warnings),
        "aips": [
            {
                "uuid": line.uuid,
                "outcome": line.outcome.value,
                "evidence": line.evidence,
                "how": line.how,
                "message": line.sentence,
                "notes": list(line.notes),
            }
            for line in view.lines
        ],
    }


def findings_json(view: CheckView) -> Iterator[dict[str, object]]:
    yield from map(findings.as_json, _all_findings(view))


def check_text(view: CheckView, *, most: int | None = None) -> Iterator[RenderableType]:
    """An AIP a paragraph, with at most so many findings of each."""
    for line in view.lines:
        word = f" [{line.evidence}]" if line.evidence else ""
        yield headline(line.outcome, f"{line.uuid}{word}: {visible(line.sentence)}")
        for note in line.notes:
            yield Padding(Text(visible(note), "dim"), (0, 0, 0, 2), expand=False)
        said = len(line.findings) == 1 and line.findings[0].message == line.sentence
        yield from findings.as_text(() if said else line.findings, most=most, more="; --json names them all")
    yield from _problem(view.problem, view.remedy, some=bool(view.lines))
    if view.lines or not view.problem:
        yield from _summary(view)


def _summary(view: CheckView) -> Iterator[RenderableType]:
    claimed = sum(_only_claimed(line) for line in view.lines)
    if len(view.lines) != 1:
        of = [f"{count(sum(line.outcome is kind for line in view.lines), word, word)}" for kind, word in _WORDS]
        yield headline(
            check_outcome(view), f"{count(len(view.lines), 'AIP')} at {visible(view.service)}: {', '.join(of)}"
        )
    if claimed:
        yield Text(
            f"{count(claimed, 'AIP')} known as good by the Storage Service's own word only (evidence: {_CLAIMED}), "
            "which is weaker than reading: --by download reads the bytes here.",
            "yellow",
        )


_WORDS = ((Outcome.PASS, "good"), (Outcome.FAIL, "damaged"), (Outcome.INCONCLUSIVE, "not determined"))


def _only_claimed(line: CheckedLine) -> bool:
    return line.outcome is Outcome.PASS and line.evidence == _CLAIMED


def _all_findings(view: CheckView) -> list[FindingLine]:
    return [finding for line in view.lines for finding in line.findings]


def _problem(problem: str, remedy: str, *, some: bool) -> Iterator[RenderableType]:
    if problem:
        yield headline(Outcome.INCONCLUSIVE, f"{'these may not be all: ' if some else ''}{visible(problem)}")
    if remedy:
        yield Padding(Text(visible(remedy), "dim"), (0, 0, 0, 2), expand=False)
