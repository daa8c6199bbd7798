"""Two opinions on one bag, compared: ours, and what bagit-python answered. Nothing is read or run here."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from checks.evidence import Outcome, worst
from checks.findings import Severity
from checks.names import canonical, show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.paths import PAYLOAD

DIFFERENCES_LIMIT = 1_000
_IT = "bagit-python"
_OF_PROFILE = "profile-"
NOTHING = "nothing"


class Word(StrEnum):
    """What the other tool says, in a word or three."""

    VALID = "valid"
    INVALID = "invalid"
    UNSURE = "could not say"
    NOT_ASKED = "not asked"


class Said(NamedTuple):
    """One file that bagit-python named: `kind` is the class of its detail, `unread` that it could not read the file."""

    path: bytes
    kind: str
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What bagit-python answered.

    `ran` holds the stages that it began (oxum, completeness, contents): it stops at the first one with a fault. `said`
    is in order of path; `more` statements on later paths were left out.
    """

    tool: str
    verdict: Word
    error: str = ""  # the class of what it raised
    message: str = ""
    ran: frozenset[str] = frozenset()
    said: tuple[Said, ...] = ()
    more: int = 0
    algorithms: frozenset[str] = frozenset()  # of the manifests that it found


class Difference(NamedTuple):
    """One file of which the two say different things; None is the whole bag."""

    path: bytes | None
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """The other tool's opinion beside ours. It changes nothing in our outcome."""

    tool: str
    verdict: Word
    why: str = ""  # its own message, or why there is no opinion; may be shown as it stands
    agrees: bool = False  # the same verdict, and no file of which the two say different things
    differences: tuple[Difference, ...] = ()
    more_differences: int = 0
    explanations: tuple[str, ...] = ()  # what is known to make the two differ
    looked_at: tuple[str, ...] = ()  # algorithms, where it did not look at all of the bag's

    @property
    def finding(self) -> Finding | None:
        """The warning that belongs among our findings; None where the two agree."""
        if self.agrees:
            return None
        shown = {"tool": self.tool, "verdict": self.verdict.value, "why": self.why}
        if self.verdict in (Word.UNSURE, Word.NOT_ASKED):
            return Finding(code=Code.SECOND_OPINION_MISSING, parameters=shown)
        count = len(self.differences) + self.more_differences
        return Finding(code=Code.SECOND_OPINION_DIFFERS, parameters=shown | {"differences": count})


def missing(tool: str, verdict: Word, why: str) -> Opinion:
    """There is none, and this is why."""
    return Opinion(tool=tool, verdict=verdict, why=why)


_WORDS: Mapping[Outcome, str] = MappingProxyType(
    {Outcome.PASS: "valid", Outcome.FAIL: "invalid", Outcome.INCONCLUSIVE: "not judged"}
)
_SAME: Mapping[str, str] = MappingProxyType(
    {"FileMissing": "missing", "UnexpectedFile": "untracked", "ChecksumMismatch": "digest-mismatch"}
)
_ALIKE: Mapping[Code, frozenset[str]] = MappingProxyType(
    {
        Code.MISSING: frozenset({"FileMissing"}),
        Code.UNTRACKED: frozenset({"UnexpectedFile"}),
        Code.DIGEST_MISMATCH: frozenset({"ChecksumMismatch"}),
        Code.DIGEST_MALFORMED: frozenset({"ChecksumMismatch"}),
        Code.WRONG_KIND: frozenset(_SAME),
    }
)
_OXUM = {Code.OXUM_MISMATCH, Code.OXUM_MALFORMED, Code.OXUM_REPEATED}
# The stage in which bagit-python would say the same; of any other code it says nothing about a file.
_STAGES: Mapping[Code, str] = MappingProxyType(
    {Code.MISSING: "completeness", Code.UNTRACKED: "completeness", Code.DIGEST_MISMATCH: "contents"}
)


def compare(outcome: Outcome, findings: Iterable[Finding], answer: Answer) -> Opinion:
    """Our outcome and findings against the answer, file by file. Findings are gone through once."""
    if answer.verdict in (Word.UNSURE, Word.NOT_ASKED):
        return missing(answer.tool, answer.verdict, _told(answer))
    pair = _Pair(answer)
    for finding in findings:
        pair.take(finding)
    found = pair.differences()
    ours = _WORDS[worst([Outcome.PASS, *pair.outcomes]) if pair.of_profile else outcome]
    if ours != answer.verdict and not found:
        found = [Difference(None, ours, _whole(answer))]
    kept = tuple(found[:DIFFERENCES_LIMIT])
    return Opinion(
        tool=answer.tool,
        verdict=answer.verdict,
        why=_told(answer),
        agrees=ours == answer.verdict and not found,
        differences=kept,
        more_differences=len(found) - len(kept) + pair.uncounted,
        explanations=tuple(pair.explanations()),
    )


def with_algorithms(opinion: Opinion, ours: Iterable[str], theirs: Collection[str]) -> Opinion:
    """The opinion, with which of our algorithms it is silent about, if it is about any."""
    ours = tuple(ours)
    unlooked = tuple(algorithm for algorithm in ours if algorithm not in theirs)
    if not unlooked:
        return opinion
    looked_at = tuple(algorithm for algorithm in ours if algorithm in theirs)
    told = f"{_IT} looked at {', '.join(looked_at) or 'no checksum'} only, not at {', '.join(unlooked)}."
    return replace(opinion, looked_at=looked_at, explanations=(*opinion.explanations, told))


def _told(answer: Answer) -> str:
    said = show(answer.message.encode("utf-8", "backslashreplace"))
    return ": ".join(part for part in (answer.error, said) if part)


def _whole(answer: Answer) -> str:
    told = _told(answer)
    return f"{answer.verdict} ({told})" if told else str(answer.verdict)


class _Pair:
    """Our findings and their statements, by path. Memory holds their statements and as many differences as are told."""

    def __init__(self, answer: Answer) -> None:
        self.of_profile = False  # some findings are about a profile, which the other tool was not asked about
        self.outcomes: set[Outcome] = set()  # of all others
        self.uncounted = 0  # of our findings that they do not share and that were not held
        self._answer = answer
        self._theirs: dict[bytes, set[Said]] = {}
        for said in answer.said:
            self._theirs.setdefault(said.path, set()).add(said)
        self._horizon = answer.said[-1].path if answer.more and answer.said else None
        self._named: dict[bytes, set[Code]] = {}  # what we say of paths that they name
        self._silent: dict[bytes | None, set[Code]] = {}  # what we say and they should have said
        self._codes: set[Code] = set()  # of all that differ
        self._paths: set[bytes] = set()  # that differ, as many as are held
        self._respelled = False
        self._seen: set[Code] = set()  # of all findings, warnings too

    def take(self, finding: Finding) -> None:
        """One of ours; a warning is no ground for a difference, nor is what a profile wants."""
        if finding.code.startswith(_OF_PROFILE):
            self.of_profile = True
            return
        self.outcomes.add(finding.outcome)
        self._seen.add(finding.code)
        if finding.severity is not Severity.ERROR:
            self._respelled = self._respelled or finding.code is Code.NAME_NORMALISATION
            return
        path = finding.path or finding.file
        if path in self._theirs:
            self._named.setdefault(path, set()).add(finding.code)
        elif self._would_have_told(finding.code) and not self._beyond(path):
            self._codes.add(finding.code)
            if path in self._silent or len(self._silent) < DIFFERENCES_LIMIT:
                self._silent.setdefault(path, set()).add(finding.code)
            else:
                self.uncounted += 1

    def _would_have_told(self, code: Code) -> bool:
        return self._answer.verdict is Word.VALID or _STAGES.get(code) in self._answer.ran

    def _beyond(self, path: bytes | None) -> bool:
        """Whether their list was cut before it came to this path."""
        return self._horizon is not None and path is not None and path > self._horizon

    def differences(self) -> list[Difference]:
        """In order of path; what is said of no file comes first."""
        found = [Difference(path, _ours(codes), NOTHING) for path, codes in self._silent.items()]
        for path, said in self._theirs.items():
            codes = self._named.get(path, set())
            if _differ(codes, said):
                self._codes |= codes
                found.append(Difference(path, _ours(codes), _theirs(said)))
        self._paths = {each.path for each in found if each.path is not None}
        return sorted(found, key=lambda each: each.path or b"")

    def explanations(self) -> Iterator[str]:
        """Why the two are known to differ in such places, each once; after `differences`."""
        if any(b"%" in path for path in self._paths):
            yield f"{_IT} does not read %25 as a percent sign, as version 1.0 writes it: it takes names as written."
        if self._answer.error == "FileNormalizationConflict" or self._spelled_twice():
            yield f"{_IT} compares names normalised: of two that differ only so, one hides the other."
        if any(_is_cut(path) for path in self._paths):
            yield f"{_IT} strips white space around names and ends a line at more characters than CR and LF."
        if any(each.unread for path in self._paths for each in self._theirs.get(path, ())):
            yield f"{_IT} tells a file that it could not read as a checksum mismatch."
        if Code.WRONG_KIND in self._codes:
            yield f"{_IT} leaves out links to folders without a word, and reads what links to files lead to."
        if Code.LISTING_INCOMPLETE in self._codes:
            yield f"{_IT} passes over folders that it cannot list, and calls what is in them missing."
        if any(
            codes & {*_STAGES} and not (path or PAYLOAD).startswith(PAYLOAD) for path, codes in self._silent.items()
        ):
            yield f"{_IT} reads no tag manifests before version 0.97."
        if Code.MANIFEST_NOT_CHECKED in self._seen or "No manifest files found" in self._answer.message:
            yield f"{_IT} looks for no manifests but those of algorithms that every Python has."
        if self._answer.verdict is Word.INVALID and self._answer.ran == {"oxum"} and not self._seen & _OXUM:
            yield f"{_IT} does not count files whose path is longer than 4,096 bytes, or in a folder it cannot list."
        strict = sorted(self._codes - {*_ALIKE, Code.LISTING_INCOMPLETE})
        if strict:
            yield f"{_IT} is less strict: it has no word for {', '.join(strict)}."
        if self.of_profile:
            yield f"{_IT} was asked about the bag, not about the profile."
        yield from self._stages()

    def _stages(self) -> Iterator[str]:
        ran = self._answer.ran
        if self._answer.verdict is Word.INVALID and "contents" not in ran:
            yield f"{_IT} stops at the first kind of fault; it did not come to the files' contents."
        elif self._answer.verdict is Word.VALID and "contents" not in ran:
            what = "names" if "completeness" in ran else "the number of files and bytes"
            yield f"{_IT} was asked to look at {what} only."

    def _spelled_twice(self) -> bool:
        """Whether one of the names that differ has another spelling, on disk or among them."""
        forms = Counter(canonical(path) for path in self._paths if not path.isascii())
        twins = any(count > 1 for count in forms.values()) or any(canonical(path) != path for path in self._paths)
        return twins or (self._respelled and bool(forms))


def _differ(codes: set[Code], said: set[Said]) -> bool:
    kinds = {each.kind for each in said if not each.unread or Code.WRONG_KIND in codes}
    return not any(_ALIKE.get(code, frozenset()) & kinds for code in codes)


def _ours(codes: set[Code]) -> str:
    return ", ".join(sorted(codes)) or NOTHING


def _theirs(said: set[Said]) -> str:
    words = {"unread, told as digest-mismatch" if s.unread else _SAME.get(s.kind, s.kind) for s in said}
    return ", ".join(sorted(words)) or NOTHING


def _is_cut(path: bytes) -> bool:
    """Whether reading lines as text cuts this name: it would be split, or lose its ends."""
    text = path.decode("utf-8", "surrogateescape")
    return text.strip() != text or len(text.splitlines()) > 1
