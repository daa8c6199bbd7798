"""What came of making or validating a bag, as the reports take it. Needs no catalog."""

from collections.abc import Collection, Iterator

from checks.evidence import Outcome
from preserve.bag.collected import Findings
from preserve.bag.finding import Finding
from preserve.bag.request import Written
from preserve.bag.validation import Validation
from reports.rows import FindingLine, ValidationView


def made_view(made: Written) -> ValidationView:
    """A bag that was made, and what does not stand in its way."""
    return ValidationView(
        path=made.bag,
        verdict="a bag",
        outcome=Outcome.PASS,
        counts={"files": made.file_count, "bytes": made.size_bytes},
        facts={"uuid": str(made.uuid), "algorithms": ", ".join(made.algorithms)},
        findings=tuple(finding_line(finding) for finding in made.warnings),
    )


def validation_view(bag: bytes, result: Validation) -> ValidationView:
    """A validation."""
    payload, tags = result.payload, result.tags
    return ValidationView(
        path=bag,
        verdict=result.verdict,
        outcome=result.outcome,
        counts={
            "files": payload.listed,
            "good": payload.good,
            "bad": payload.bad,
            "unread": payload.unread,
            "bytes_read": payload.bytes_read,
            "tag_files": tags.listed,
            "tag_files_good": tags.good,
        },
        facts={
            "version": result.version,
            "algorithms": ", ".join(result.algorithms),
            "depth": result.depth.value,
            "evidence": result.depth.evidence.label,
        },
        notes=(result.depth.caveat,) if result.depth.caveat else (),
        findings=FindingLines(result.findings),
    )


class FindingLines(Collection[FindingLine]):
    """Findings as lines of a report, each made when it is asked for: there may be millions."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def __len__(self) -> int:
        return len(self._findings)

    def __iter__(self) -> Iterator[FindingLine]:
        return map(finding_line, self._findings)

    def __contains__(self, line: object) -> bool:
        return any(each == line for each in self)


def finding_line(finding: Finding) -> FindingLine:
    return FindingLine(
        code=finding.code.value,
        severity=finding.severity,
        message=finding.message,
        path=finding.path,
        expected=finding.expected,
        observed=finding.observed,
        section=finding.section or None,
        tag_file=finding.file,
        tag_line=finding.line,
        remedy=finding.remedy or None,
    )
