"""What became of a bag that was to be adopted where it lies."""

from dataclasses import dataclass
from enum import StrEnum

from checks.evidence import Evidence, Outcome
from preserve.bag.validating.validation import Validation
from preserve.ingest.reading import BagRead


class Became(StrEnum):
    """What became of a bag."""

    PACKAGE = "package"  # and its first copy
    VERSION = "version"  # the next of a known package, and its first copy
    COPY = "copy"  # of a version that was known
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What came of one bag. With NOTHING, `problem` says why; the outcome is FAIL then, or INCONCLUSIVE."""

    location: bytes
    became: Became
    outcome: Outcome
    package: str = ""
    version: int = 0
    files: int = 0
    size_bytes: int = 0
    evidence: Evidence | None = None
    validation: Validation | None = None  # None: it was not read
    problem: str = ""
    remedy: str = ""


def left(folder: bytes, problem: str, remedy: str = "", *, package: str = "", version: int = 0) -> Adopted:
    """A bag that was not read, because what it says of itself is reason enough not to take it."""
    return Adopted(
        location=folder,
        became=Became.NOTHING,
        outcome=Outcome.FAIL,
        package=package,
        version=version,
        problem=problem,
        remedy=remedy,
    )


def unfit(folder: bytes, problem: str, remedy: str, read: BagRead | None, outcome: Outcome | None = None) -> Adopted:
    """A bag that was looked at, and is not taken; without `read`, it could not be."""
    validation = None if read is None else read.validation
    if outcome is None:
        outcome = Outcome.INCONCLUSIVE if validation is None else validation.outcome
    return Adopted(
        location=folder,
        became=Became.NOTHING,
        outcome=outcome,
        validation=validation,
        problem=problem,
        remedy=remedy or "Its folder was left as it is. Run the command again once that is put right.",
    )
