"""What came of making or validating a bag, as the reports take it. Needs no catalog."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from checks.evidence import Outcome
from checks.findings import Severity
from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.collected import Findings
from preserve.bag.finding import Finding
from preserve.bag.making.request import Written
from preserve.bag.validating.validation import Validation
from reports.rows import FindingLine, OpinionView, Remedy, ValidationView


def made_view(made: Written, *, most_of_a_code: int | None = None) -> ValidationView:
    """A bag that was made, and what does not stand in its way: of each code all, or so many and a note of the rest."""
    codes = Counter(finding.code for finding in made.warnings)
    limit = len(made.warnings) if most_of_a_code is None else most_of_a_code
    shown = [each for code in codes for each in islice((f for f in made.warnings if f.code is code), limit)]
    return ValidationView(
        path=made.bag,
        verdict="a bag",
        outcome=Outcome.PASS,
        counts={"files": made.file_count, "bytes": made.size_bytes},
        facts={"uuid": str(made.uuid), "algorithms": ", ".join(made.algorithms)},
        findings=tuple(finding_line(finding) for finding in shown),
        remedies=remedies(codes),
        notes=tuple(
            f"{code.value}: {number:,}, of which {limit} are shown (--json has all)"
            for code, number in codes.items()
            if number > limit
        ),
    )


def validation_view(bag: bytes, result: Validation, opinion: OpinionView | None = None) -> ValidationView:
    """A validation, and what another tool says of the same bag."""
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
            **({"serialisation": result.serialisation} if result.serialisation else {}),
            **({"profile": show(result.profile.encode())} if result.profile else {}),
        },
        notes=(result.depth.caveat,) if result.depth.caveat else (),
        findings=FindingLines(result.findings),
        severities=result.findings.severities,
        remedies=remedies(result.findings.codes),
        second_opinion=opinion,
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


def remedies(codes: Iterable[Code]) -> tuple[Remedy, ...]:
    """What to do about each kind of finding, errors first."""
    order = list(Severity)
    sorted_codes = sorted(codes, key=lambda code: order.index(code.meaning.severity))
    return tuple(
        Remedy(code=code.value, section=code.meaning.section, text=code.meaning.remedy)
        for code in sorted_codes
        if code.meaning.remedy
    )


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
    )
