"""What is lost: files that no known copy can make whole, and those that may be lost because they were not read."""

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from checks.verdicts import Verdict
from reports import files, findings
from reports.rows import FileLine, LossView
from reports.words import count, headline, iso, moment, size


def outcome_of(view: LossView) -> Outcome:
    """FAIL only with a lost file: what can be repaired is not lost."""
    if view.verdict_counts.get(Verdict.LOST):
        return Outcome.FAIL
    if view.may_be_lost or not any(view.verdict_counts.values()):
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


def as_json(view: LossView) -> dict[str, object]:
    return {
        "outcome": outcome_of(view).value,
        "summary": _sentence(view),
        "generated_at": iso(view.generated_at),
        "counts": {
            **files.counts_json(view.verdict_counts),
            "may_be_lost": view.may_be_lost,
            "lost_bytes": view.lost_bytes,
            **findings.counts_of(view.findings, view.total_findings),
        },
        "files": [files.as_json(line) for line in _lines(view)],
        "findings": [findings.as_json(line) for line in view.findings],
    }


def as_text(view: LossView) -> RenderableType:
    lines = _lines(view)
    parts: list[RenderableType] = [
        headline(outcome_of(view), _sentence(view)),
        Text(f"{files.in_words(view.verdict_counts)}; {moment(view.generated_at)}\n", "dim"),
        *(files.as_text(line, view.generated_at) for line in lines),
    ]
    hidden = view.verdict_counts.get(Verdict.LOST, 0) + view.may_be_lost - len(lines)
    if hidden > 0:
        parts.append(Text(f"… and {count(hidden, 'more file')}, counted above", "dim"))
    if view.verdict_counts.get(Verdict.DEGRADED):
        parts.append(Text("Damaged files with a good copy are not lost: see `preserve report drift`.", "dim"))
    return Group(*parts)


def _lines(view: LossView) -> list[FileLine]:
    """Lost, or held rightly by no copy that was read; a file with a good copy is not at stake here."""
    return [
        line
        for line in files.sorted_lines(view.lines)
        if line.file.verdict is Verdict.LOST or not (line.file.good_on or line.file.elsewhere)
    ]


def _sentence(view: LossView) -> str:
    lost, unknown = view.verdict_counts.get(Verdict.LOST, 0), view.may_be_lost
    unread = f"{count(unknown, 'file')} may be: no good copy is known, because none was made or not every copy was read"
    if lost:
        amount = "" if view.lost_bytes is None else f" ({size(view.lost_bytes)})"
        told = f"{count(lost, 'file is', 'files are')} lost{amount}: every copy was read and is bad"
        return f"{told}; {unread}." if unknown else f"{told}."
    if unknown:
        return f"No file is known to be lost, but {unread}."
    if not any(view.verdict_counts.values()):
        return "There is no file to judge."
    return "Nothing is lost: every file has a good copy."
