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
    """What a code stands for: its weight, what it does to a check's outcome, its sentence, and what to do about it.

    `outcome` FAIL is damage; INCONCLUSIVE says that it could not be determined; PASS leaves the outcome alone. The page
    docs/findings.md is made from this table.
    """

    severity: Severity
    outcome: Outcome
    sentence: str
    remedy: str


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
    NO_CLAIM = "no-claim"
    NOT_READABLE_NOW = "not-readable-now"
    UNSTABLE_READ = "unstable-read"
    NAME_NORMALISATION = "name-normalisation"


def _damage(sentence: str, remedy: str) -> Meaning:
    return Meaning(Severity.ERROR, Outcome.FAIL, sentence, remedy)


def _unknown(sentence: str, remedy: str) -> Meaning:
    return Meaning(Severity.ERROR, Outcome.INCONCLUSIVE, sentence, remedy)


def _warning(sentence: str, remedy: str) -> Meaning:
    return Meaning(Severity.WARNING, Outcome.PASS, sentence, remedy)


MEANINGS: Mapping[Code, Meaning] = MappingProxyType(
    {
        Code.MISSING: _damage(
            "the file is not there",
            "`preserve repair` says from which copy it can be put back; `preserve repair --apply` does it.",
        ),
        Code.MOVED: _damage(
            "the file lies under another name: {found_at}",
            "Ask who moved it. `preserve repair --apply` gives it its name back, after reading it.",
        ),
        Code.UNTRACKED: _damage(
            "a file that was never taken in",
            "Find out what it is and who put it there. `preserve repair --apply --quarantine-untracked` sets it aside; "
            "nothing is deleted. If it belongs to the package, make a new version: `preserve add BAG --new-version`.",
        ),
        Code.DIGEST_MISMATCH: _damage(
            "the content is not what was taken in",
            "It was read twice and was wrong twice. `preserve repair` says which copies are good and what damaged this "
            "one; `preserve repair --apply` mends it and keeps the bad file in quarantine.",
        ),
        Code.SIZE_MISMATCH: _damage(
            "{observed_bytes} bytes where {expected_bytes} were taken in",
            "The file was cut off, or something was added. `preserve repair` says which copies are good; "
            "`preserve repair --apply` mends it.",
        ),
        Code.MANIFEST_CHANGED: _damage(
            "a manifest is not the one that was taken in; it proves nothing any more",
            "Files do not change manifests by themselves: ask who wrote there. `preserve repair --apply` puts the "
            "right one back, and keeps the other in quarantine for whoever looks into it.",
        ),
        Code.WRONG_KIND: _damage(
            "not a regular file: {kind}",
            "A link, device or folder stands where a file should. Ask who put it there; "
            "`preserve repair` says what can be done.",
        ),
        Code.COPY_MISSING: _damage(
            "the replica is there, the package's folder is not",
            "Look whether it was moved on that disk. `preserve repair --apply` makes the copy anew from the good ones.",
        ),
        Code.UNREADABLE: _unknown(
            "could not be read ({cause}); not judged",
            "Check the disk, its cable and your rights to the file; then run `preserve audit`. A disk that fails often "
            "should be replaced while the other copies are good.",
        ),
        Code.CHANGED_WHILE_READ: _unknown(
            "changed while it was being read; not judged",
            "Something writes to a copy that should rest. Find out what; then run `preserve audit`.",
        ),
        Code.LISTING_INCOMPLETE: _unknown(
            "this folder could not be listed ({cause}); unknown what is in it",
            "Check the disk and your rights to the folder; then run `preserve audit`.",
        ),
        Code.REPLICA_UNAVAILABLE: _unknown(
            "the replica was not there: {cause}",
            "Plug in or mount the disk, and see with `preserve replica list` whether it is the right one; "
            "then run `preserve audit`. See docs/disaster.md if it does not come back.",
        ),
        Code.NO_CLAIM: _unknown(
            "the provider states no SHA-256 of the file",
            "It was written by another program, or in parts. Only reading tells: `preserve audit` without `--claimed`.",
        ),
        Code.NOT_READABLE_NOW: Meaning(
            Severity.WARNING,
            Outcome.INCONCLUSIVE,
            "it is there, and cannot be read before the provider has brought it back; not judged",
            "`preserve replica thaw NAME` asks for that; when it is back, run `preserve audit`. A storage class that "
            "answers at once spares the waiting.",
        ),
        Code.WEAK_EVIDENCE: Meaning(
            Severity.WARNING,
            Outcome.INCONCLUSIVE,
            "known only as {evidence}, where {required} is required",
            "Run `preserve audit`, so that it is read as the settings ask for. If this storage never can, set "
            "`evidence` lower in preserve.toml, and know what that means.",
        ),
        Code.UNSTABLE_READ: _warning(
            "read wrongly once, then rightly: watch this medium ({cause})",
            "The file is good now. Disk, cable or memory gave wrong bytes once: check them, and plan to replace the "
            "disk if it happens again.",
        ),
        Code.NAME_NORMALISATION: _warning(
            "the name on disk is spelled with other code points: {found_at}",
            "The file was found and read. Nothing has to be done; macOS and some copying programs spell names so.",
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
