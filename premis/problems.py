"""What can be wrong with a PREMIS document: stable codes, and how much each weighs."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error makes the document wrong; a warning is what PREMIS allows and a reader cannot work with."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """The stable codes of problems."""

    SCHEMA = "schema"
    STRUCTURE = "structure"
    EVENT_DATE_TIME = "event-date-time"
    DUPLICATE_IDENTIFIER = "duplicate-identifier"
    EMPTY_IDENTIFIER = "empty-identifier"
    DANGLING_LINK = "dangling-link"
    UNLINKED_EVENT = "unlinked-event"
    DIGEST_EMPTY = "digest-empty"
    DIGEST_LENGTH = "digest-length"
    DIGEST_NOT_HEX = "digest-not-hex"
    UNKNOWN_ALGORITHM = "unknown-algorithm"
    UNKNOWN_EVENT_TYPE = "unknown-event-type"
    VALUE_URI = "value-uri"
    SIZE = "size"


_WARNINGS = frozenset({Code.UNLINKED_EVENT, Code.UNKNOWN_ALGORITHM, Code.UNKNOWN_EVENT_TYPE})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` is where it stands in the document, from 1; 0 if that is not known."""

    code: Code
    message: str
    line: int

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.code in _WARNINGS else Severity.ERROR
