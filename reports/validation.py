"""The result of validating a bag."""

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from checks.findings import Severity
from checks.names import path_fields
from reports import findings
from reports.rows import ValidationView
from reports.words import headline, name, visible

_NOT_PASSED = {Outcome.FAIL: "see the findings", Outcome.INCONCLUSIVE: "it could not be determined"}


def as_json(view: ValidationView, what: str = "bag") -> dict[str, object]:
    """`what` names the thing that was validated, and is its key."""
    fields = path_fields(view.path)
    return {
        "outcome": _outcome(view).value,
        what: fields["path"],
        **({f"{what}_base64": fields["path_base64"]} if "path_base64" in fields else {}),
        "verdict": view.verdict,
        "facts": dict(view.facts),
        "counts": {**view.counts, **findings.counts_of(view.findings, None)},
        "notes": list(view.notes),
        "findings": [findings.as_json(line) for line in view.findings],
    }


def as_text(view: ValidationView) -> RenderableType:
    outcome = _outcome(view)
    because = f": {_NOT_PASSED[outcome]}" if outcome in _NOT_PASSED else ""
    parts: list[RenderableType] = [headline(outcome, f"{name(view.path)} is {visible(view.verdict)}{because}")]
    numbers = [f"{key.replace('_', ' ')}: {number:,}" for key, number in view.counts.items()]
    if numbers:
        parts.append(Text(", ".join(numbers), "dim"))
    for key, value in view.facts.items():
        parts.append(Text.assemble((f"{key}: ", "dim"), visible(value)))
    parts += [Text(visible(note)) for note in view.notes]
    parts += findings.as_text(view.findings)
    return Group(*parts)


def _outcome(view: ValidationView) -> Outcome:
    """What the validator says, and never better than its findings."""
    errors = any(line.severity is Severity.ERROR for line in view.findings)
    return Outcome.FAIL if errors and view.outcome is Outcome.PASS else view.outcome
