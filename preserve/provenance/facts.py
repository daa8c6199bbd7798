"""What is handed in to be said in PREMIS: the files of a payload, and the package."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from preserve.provenance.formats import Format, FormatSoftware


class PremisDetail(StrEnum):
    """FULL has an object for each file of the payload, SUMMARY only the package and its events."""

    FULL = "full"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """One file of the payload.

    Attributes:
        path: from the bag's root, such as `data/x`.
        original_name: its path in the source.
        digests: normalised name of the algorithm -> digest.
        format: None where it is unknown, or was not asked for.
    """

    path: bytes
    original_name: bytes
    size_bytes: int
    digests: Mapping[str, bytes]
    format: Format | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFact:
    """The package as a whole, and how it was made.

    Attributes:
        identifier: the name by which the archive knows it.
        organization: None where it is not known, as is `person`.
        source: what was bagged, fit for showing.
        started_at: aware; so is `ended_at`, when the payload had been read.
        algorithms: normalised names of those that were computed for the payload.
        in_place: the source became the bag; otherwise it was copied.
        software_version: of `preserve`.
        format_software: what identified the formats; None if nothing did.
    """

    uuid: UUID
    identifier: str
    organization: str | None
    person: str | None
    source: str
    started_at: datetime
    ended_at: datetime
    payload_files: int
    payload_bytes: int
    algorithms: tuple[str, ...]
    in_place: bool
    software_version: str
    format_software: FormatSoftware | None = None
