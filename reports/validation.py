"""The result of validating a bag."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields, show
from reports import findings, second_opinion
from reports.rows import ValidationView
from reports.words import headline, name, visible

_OF_AUDITS = {"older_version", "opened_at", "seen_at"}
_NOT_PASSED = {Outcome.FAIL: "see the findings", Outcome.INCONCLUSIVE: "it could not be determined"}


def as_json(view: ValidationView, what: str = "bag") -> dict[str, object]:
    """`what` names the thing that was validated, and is its key."""
    return {**head(view, what), "findings": list(lines(view))}


def head(view: ValidationView, what: str = "bag") -> dict[str, object]:
    """All of the document but its findings, of which there may be millions."""
    fields = path_fields(view.path)
    return {
        "outcome": _outcome(view).value,
        what: fields["path"],
        **({f"{what}_base64": fields["path_base64"]} if "path_base64" in fields else {}),
        "verdict": view.verdict,
        "facts": dict(view.facts),
        "counts": {**view.counts, **findings.counts_of(view.findings, None, view.severities)},
        "notes": list(view.notes),
        **({"second_opinion": second_opinion.as_json(view.second_opinion)} if view.second_opinion else {}),
    }


def lines(view: ValidationView) -> Iterator[dict[str, object]]:
    """The findings, one by one."""
    for line in view.findings:
        fields = findings.as_json(line)
        yield {
            **{key: value for key, value in fields.items() if key not in _OF_AUDITS},
            "section": line.section,
            "file": None if line.tag_file is None else show(line.tag_file),
            "line": line.tag_line,
        }


def as_text(view: ValidationView) -> RenderableType:
    return Group(*parts(view))


def parts(view: ValidationView, *, most: int | None = None) -> Iterator[RenderableType]:
    """The report piece by piece, with at most so many findings."""
    outcome = _outcome(view)
    because = f": {_NOT_PASSED[outcome]}" if outcome in _NOT_PASSED else ""
    yield headline(outcome, f"{name(view.path)} is {visible(view.verdict)}{because}")
    numbers = [f"{key.replace('_', ' ')}: {number:,}" for key, number in view.counts.items()]
    if numbers:
        yield Text(", ".join(numbers), "dim")
    for key, value in view.facts.items():
        yield Text.assemble((f"{key}: ", "dim"), visible(value))
    for note in view.notes:
        yield Text(visible(note))
    yield from findings.as_text(view.findings, most=most, more="; --json names them all", severities=view.severities)
    if view.remedies:
        yield Text("\nWhat to do", "bold")
    for remedy in view.remedies:
        section = f" (RFC 8493 §{remedy.section})" if remedy.section else ""
        yield Padding(Text.assemble((remedy.code, "bold"), section, f": {visible(remedy.text)}"), (0, 0, 0, 2))
    if view.second_opinion is not None:
        yield from second_opinion.parts(view.second_opinion)


def _outcome(view: ValidationView) -> Outcome:
    """What the validator says, and never better than its findings."""
    if view.outcome is not Outcome.PASS:
        return view.outcome
    counted = findings.counts_of(view.findings, None, view.severities)
    return Outcome.FAIL if counted["errors"] else Outcome.PASS
