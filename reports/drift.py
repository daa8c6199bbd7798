"""What has drifted: files whose copies are not all as taken in, what can be repaired and from where."""

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from reports import files, findings
from reports.rows import DriftView
from reports.words import count, headline, iso, moment, visible


def outcome_of(view: DriftView) -> Outcome:
    outcome = files.outcome_of(view.verdict_counts)
    seen = findings.outcome_of(view.findings)
    if Outcome.FAIL in (outcome, seen):
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if view.unread_copies or seen is Outcome.INCONCLUSIVE else outcome


def as_json(view: DriftView) -> dict[str, object]:
    return {
        "outcome": outcome_of(view).value,
        "summary": _sentence(view),
        "generated_at": iso(view.generated_at),
        "counts": {
            **files.counts_json(view.verdict_counts),
            **findings.counts_of(view.findings, view.total_findings),
        },
        "files": [files.as_json(line) for line in files.sorted_lines(view.lines)],
        "unread_copies": list(view.unread_copies),
        "findings": [findings.as_json(line) for line in view.findings],
    }


def as_text(view: DriftView) -> RenderableType:
    parts: list[RenderableType] = [
        headline(outcome_of(view), _sentence(view)),
        Text(f"{files.in_words(view.verdict_counts)}; {moment(view.generated_at)}\n", "dim"),
        *(files.as_text(line, view.generated_at) for line in files.sorted_lines(view.lines)),
    ]
    hidden = view.total_lines - len(view.lines)
    if hidden > 0:
        parts.append(Text(f"… and {count(hidden, 'more file')}, counted above", "dim"))
    parts += [Text.assemble(("? not read: ", "yellow"), visible(copy)) for copy in view.unread_copies]
    told = {(line.package, line.file.path) for line in view.lines}
    general = [line for line in view.findings if (line.package, line.path) not in told]
    parts += findings.as_text(general)
    return Group(*parts)


def _sentence(view: DriftView) -> str:
    repairable = sum(1 for line in view.lines if files.repair_from(line))
    if view.total_lines:
        drifted = count(view.total_lines, "file is", "files are")
        told = f"{drifted} not good on every copy"
        return f"{told}; {repairable:,} of {len(view.lines):,} shown can be repaired." if view.lines else f"{told}."
    outcome = outcome_of(view)
    if outcome is Outcome.PASS:
        return "Nothing has drifted: every copy of every file was read and is as it was taken in."
    if outcome is Outcome.FAIL:
        return "There is damage: see the findings."
    return "No drift is known, but not everything was read."
