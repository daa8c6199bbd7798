"""Validating a PREMIS document, as the reports take it. Needs no catalog."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import premis.problems
from checks.evidence import Outcome
from checks.findings import Severity
from premis.errors import PremisError
from premis.problems import Problem
from premis.validation import validate_document
from preserve.errors import UsageError
from reports.rows import FindingLine, ValidationView

NO_DOCUMENT = "no-document"
_SEVERITIES = {premis.problems.Severity.ERROR: Severity.ERROR, premis.problems.Severity.WARNING: Severity.WARNING}
_WITHOUT_SCHEMA = "the schema's own rules were not checked; name the official premis-v3-0.xsd with --schema"


def validate_premis(path: bytes, schema: Path | None) -> ValidationView:
    """Judges the PREMIS document at that path.

    Raises:
        UsageError: there is no such file, or the schema cannot be used.
        OSError: the document cannot be read.
    """
    if not os.path.isfile(path):
        raise UsageError(f"{os.fsdecode(path)} is no file", remedy="Name a PREMIS document, such as premis.xml.")
    if schema is not None:
        _refuse_unusable(schema)
    lines = tuple(_lines(path, schema))
    valid = not any(line.severity is Severity.ERROR for line in lines)
    return ValidationView(
        path=path,
        verdict=("valid" if schema is not None else "without fault") if valid else "invalid",
        outcome=Outcome.PASS if valid else Outcome.FAIL,
        counts=dict(Counter(line.code.replace("-", "_") for line in lines)),
        findings=lines,
        notes=() if schema is not None else (_WITHOUT_SCHEMA,),
    )


def _lines(path: bytes, schema: Path | None) -> Iterator[FindingLine]:
    try:
        with open(path, "rb") as stream:
            yield from map(_line, validate_document(stream, schema=schema))
    except PremisError as error:
        # What came before stands; what comes after was not judged, so this alone makes it invalid.
        yield FindingLine(code=NO_DOCUMENT, severity=Severity.ERROR, message=str(error))


def _line(problem: Problem) -> FindingLine:
    where = f"line {problem.line}: " if problem.line else ""
    return FindingLine(
        code=problem.code.value, severity=_SEVERITIES[problem.severity], message=f"{where}{problem.message}"
    )


def _refuse_unusable(schema: Path) -> None:
    """A schema that cannot be used is the command's fault, and none of the document."""
    from lxml import etree

    try:
        etree.XMLSchema(etree.parse(schema, etree.XMLParser(resolve_entities=False, no_network=True)))
    except (OSError, etree.LxmlError) as error:
        raise UsageError(
            f"the schema {schema} cannot be used: {error}",
            remedy="Give the official premis-v3-0.xsd of the Library of Congress.",
        ) from error
