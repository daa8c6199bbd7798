"""One thing seen in one bag: a value; its texts come from the table of codes."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from checks.evidence import Outcome
from checks.findings import Severity
from checks.names import show
from preserve.bag.codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing seen in one bag.

    `file` and `line` (from 1) are the tag file that says it; `path` is the file it is about, from the bag's root.
    `expected` and `observed` are digests in hex by algorithm, or sizes in bytes; parameters fill the code's sentence
    and are already made showable.
    """

    code: Code
    file: bytes | None = None
    line: int | None = None
    path: bytes | None = None
    expected: Mapping[str, object] | None = None
    observed: Mapping[str, object] | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return self.code.meaning.severity

    @property
    def outcome(self) -> Outcome:
        """What it does to the validation: FAIL, INCONCLUSIVE, or PASS where it only warns."""
        return self.code.meaning.outcome

    @property
    def section(self) -> str:
        """The section of RFC 8493 it rests on; may be empty."""
        return self.code.meaning.section

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.code.meaning.remedy

    @property
    def message(self) -> str:
        """The sentence, with the tag file and line it comes from."""
        sentence = self.code.meaning.sentence.format_map(_Unknown(self._shown()))
        if self.file is None:
            return sentence
        place = show(self.file) if self.line is None else f"{show(self.file)} line {self.line}"
        return f"{place}: {sentence}"

    def _shown(self) -> Mapping[str, object]:
        """The parameters, a system's code with its plain words: `EACCES` becomes `permission denied (EACCES)`."""
        number = getattr(errno, str(self.parameters.get("cause", "")), None)
        if not isinstance(number, int):
            return self.parameters
        words = os.strerror(number)
        return {**self.parameters, "cause": f"{words[:1].lower()}{words[1:]} ({self.parameters['cause']})"}


class _Unknown(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"
