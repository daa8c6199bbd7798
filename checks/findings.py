"""Findings: what a check saw that is not as it was taken in. Values with stable codes; texts come from one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from checks.evidence import Outcome


class Severity(StrEnum):
    """`warning` prints its word and does not change an exit status."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code stands for: its weight, what it does to a check's outcome, and its sentence.

    `outcome` FAIL is damage; INCONCLUSIVE says that it could not be determined; PASS leaves the outcome alone.
    """

    severity: Severity
    outcome: Outcome
    sentence: str


class Code(StrEnum):
    """The stable codes of an audit's findings."""

    MISSING = "missing"
    MOVED = "moved"
    UNTRACKED = "untracked"
    DIGEST_MISMATCH = "digest-mismatch"
    SIZE_MISMATCH = "size-mismatch"
    MANIFEST_CHANGED = "manifest-changed"
    WRONG_KIND = "wrong-kind"
    COPY_MISSING = "copy-missing"
    UNREADABLE = "unreadable"
    CHANGED_WHILE_READ = "changed-while-read"
    LISTING_INCOMPLETE = "listing-incomplete"
    REPLICA_UNAVAILABLE = "replica-unavailable"
    WEAK_EVIDENCE = "weak-evidence"
    UNSTABLE_READ = "unstable-read"
    NAME_NORMALISATION = "name-normalisation"


MEANINGS: Mapping[Code, Meaning] = MappingProxyType(
    {
        Code.MISSING: Meaning(Severity.ERROR, Outcome.FAIL, "the file is not there"),
        Code.MOVED: Meaning(Severity.ERROR, Outcome.FAIL, "the file lies under another name: {found_at}"),
        Code.UNTRACKED: Meaning(Severity.ERROR, Outcome.FAIL, "a file that was never taken in"),
        Code.DIGEST_MISMATCH: Meaning(Severity.ERROR, Outcome.FAIL, "the content is not what was taken in"),
        Code.SIZE_MISMATCH: Meaning(
            Severity.ERROR, Outcome.FAIL, "{observed_bytes} bytes where {expected_bytes} were taken in"
        ),
        Code.MANIFEST_CHANGED: Meaning(
            Severity.ERROR,
            Outcome.FAIL,
            "a manifest is not the one that was taken in; it proves nothing any more",
        ),
        Code.WRONG_KIND: Meaning(Severity.ERROR, Outcome.FAIL, "not a regular file: {kind}"),
        Code.COPY_MISSING: Meaning(Severity.ERROR, Outcome.FAIL, "the replica is there, the package's folder is not"),
        Code.UNREADABLE: Meaning(Severity.ERROR, Outcome.INCONCLUSIVE, "could not be read ({cause}); not judged"),
        Code.CHANGED_WHILE_READ: Meaning(
            Severity.ERROR, Outcome.INCONCLUSIVE, "changed while it was being read; not judged"
        ),
        Code.LISTING_INCOMPLETE: Meaning(
            Severity.ERROR,
            Outcome.INCONCLUSIVE,
            "this folder could not be listed ({cause}); unknown what is in it",
        ),
        Code.REPLICA_UNAVAILABLE: Meaning(Severity.ERROR, Outcome.INCONCLUSIVE, "the replica was not there: {cause}"),
        Code.WEAK_EVIDENCE: Meaning(
            Severity.WARNING, Outcome.INCONCLUSIVE, "known only as {evidence}, where {required} is required"
        ),
        Code.UNSTABLE_READ: Meaning(
            Severity.WARNING, Outcome.PASS, "read wrongly once, then rightly: watch this medium ({cause})"
        ),
        Code.NAME_NORMALISATION: Meaning(
            Severity.WARNING, Outcome.PASS, "the name on disk is spelled with other code points: {found_at}"
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing seen on one copy. `path` is from the bag's root; None speaks of the whole copy or replica.

    `parameters` fill the code's sentence and carry `expected` and `observed` (each a mapping with `size_bytes` and
    `sha256` as far as known). Values are strings, numbers or such mappings, fit for JSON.
    """

    code: Code
    path: bytes | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self.code]

    @property
    def severity(self) -> Severity:
        return MEANINGS[self.code].severity

    @property
    def message(self) -> str:
        """The code's sentence with its parameters. Paths in parameters are already made showable."""
        return MEANINGS[self.code].sentence.format_map(_Unknown(self.parameters))


class _Unknown(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def outcome_of(findings: "list[Finding] | tuple[Finding, ...]") -> Outcome:
    """What these findings make of a check that was otherwise in order."""
    outcomes = {finding.meaning.outcome for finding in findings}
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        if outcome in outcomes:
            return outcome
    return Outcome.PASS
