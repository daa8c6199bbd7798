"""Findings, as JSON and as lines; shared by all reports."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from rich.padding import Padding
from rich.text import Text

from checks.evidence import Outcome
from checks.findings import MEANINGS, Severity
from checks.names import path_fields
from reports.rows import FindingLine
from reports.words import count, iso, name, visible

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_KNOWN = {code.value: meaning for code, meaning in MEANINGS.items()}


def as_json(line: FindingLine) -> dict[str, object]:
    return {
        "code": line.code,
        "severity": line.severity.value,
        "package": line.package,
        "replica": line.replica,
        "older_version": line.version,
        **path_fields(line.path),
        "expected": None if line.expected is None else dict(line.expected),
        "observed": None if line.observed is None else dict(line.observed),
        "message": line.message,
        "opened_at": iso(line.opened_at),
        "seen_at": iso(line.seen_at),
    }


def counts_of(
    findings: Collection[FindingLine], total: int | None, severities: Mapping[str, int] | None = None
) -> dict[str, int]:
    """By severity over those given (or as they were counted already), and how many there are in all."""
    counted = Counter(line.severity.value for line in findings) if severities is None else severities
    by_severity = {f"{severity.value}s": counted.get(severity.value, 0) for severity in Severity}
    return {"findings": len(findings) if total is None else total, **by_severity}


def outcome_of(findings: Collection[FindingLine]) -> Outcome:
    """What these findings alone make of a report. A code that is not an audit's is judged by its severity."""
    outcomes = {
        _KNOWN[line.code].outcome
        if line.code in _KNOWN
        else Outcome.FAIL
        if line.severity is Severity.ERROR
        else Outcome.PASS
        for line in findings
    }
    return next((worse for worse in (Outcome.FAIL, Outcome.INCONCLUSIVE) if worse in outcomes), Outcome.PASS)


def as_text(
    findings: Collection[FindingLine],
    total: int | None = None,
    *,
    most: int | None = None,
    more: str = "",
    severities: Mapping[str, int] | None = None,
) -> Iterator[Padding | Text]:
    """Two lines a finding: what and where, then what was seen. Errors before warnings; at most so many."""
    if not findings:
        return
    yield Text("\nFindings", "bold")
    shown = 0
    for line in islice(_by_severity(findings, severities), most):
        yield Padding(_head(line), (0, 0, 0, 2), expand=False)
        yield Padding(_said(line), (0, 0, 0, 6), expand=False)
        shown += 1
    left = (len(findings) if total is None else total) - shown
    if left > 0:
        yield Text(f"  … and {count(left, 'more finding')}{more}", "dim")


def _by_severity(findings: Collection[FindingLine], severities: Mapping[str, int] | None) -> Iterator[FindingLine]:
    """Gone through once a severity that there is, as there may be too many to sort."""
    for severity in Severity:
        if severities is None or severities.get(severity.value):
            yield from (line for line in findings if line.severity is severity)


def _head(line: FindingLine) -> Text:
    where = "/".join(visible(part) for part in (line.replica, line.package) if part)
    where += f" (version {line.version})" if line.version is not None else ""
    path = name(line.path)
    text = Text.assemble((line.severity.value, _STYLES[line.severity]), " ", (line.code, "bold"))
    for part, style in ((where, "cyan"), (path, "")):
        if part:
            text.append("  ").append(part, style)
    return text


def _said(line: FindingLine) -> Text:
    digests = _digests(line.expected, line.observed)
    return Text(visible(line.message) + (f"\n{digests}" if digests else ""), "dim")


def _digests(expected: Mapping[str, object] | None, observed: Mapping[str, object] | None) -> str:
    """Short forms for the eye; the whole digests are in the JSON."""
    before, after = (str((side or {}).get("sha256") or "") for side in (expected, observed))
    return f"sha256 {visible(before[:12])}… expected, {visible(after[:12])}… observed" if before and after else ""
