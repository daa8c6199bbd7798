"""The one mapping from links of the journal to PREMIS events.

Each kind of link stands in one of two tables: `EVENTS` says what PREMIS calls it and what is said of it, `NOT_EVENTS`
why it is no event of a package. The templates are filled with the fields of the link's body, made fit for showing by
`preserve.provenance.wording`. How a thing is known is part of what is said. To every outcome, the number and the hash
of the link are added, so that the link can be found in the chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What PREMIS calls an act, and says of it.

    Attributes:
        type: code of the eventType, of the Library of Congress or our own (`premis.terms`).
        role: of the objects in the event: `sou` they went into it, `out` they came out of it.
        detail: template of eventDetail.
        notes: templates of eventOutcomeDetailNote.
        outcome: code of the eventOutcome; None where the checks that belong to the act determine it.
        by: the role of the person whom the link names: `imp` did it, `aut` answers for it.
        name: tells the events of one link apart in their identifiers.
    """

    type: str
    role: str
    detail: str
    notes: tuple[str, ...] = ()
    outcome: str | None = "suc"
    by: str = "imp"
    name: bytes = b""


DIGESTS: Final = Mapped(
    name=b"digests",
    type="mes",
    role="sou",
    detail="SHA-256 of every file of version {version}, computed when it was taken in; evidence: {evidence}",
    notes=("{files} files, {bytes} bytes",),
)
COPY: Final = Mapped(
    type="rep",
    role="sou",
    detail="{copy} made in the folder {location} and recorded; evidence of reading it back: {evidence}",
    notes=("{read_back}",),
    outcome=None,  # of reading it back
)
# Neither made nor moved: it lay there, was read whole, and is looked after from then on. Of the Library's terms that is
# ingestion: objects come into the care of the repository.
ADOPTED: Final = Mapped(
    name=b"adopted",
    type="ing",
    role="sou",
    detail="{copy} adopted in place: it lay in the folder {location} already, was read whole and recorded; nothing was "
    "copied or moved; evidence of reading it: {evidence}",
    notes=("{read_back}",),
    outcome=None,  # of reading it
)
CHECK: Final = Mapped(
    type="fix",
    role="sou",
    detail="{extent} of {copy} compared with the inventory{occasion}; evidence: {evidence}",
    notes=("{good} files good, {bad} bad, {unread} not read; {bytes_read} bytes read",),
    outcome=None,
)
SUMMARY: Final = Mapped(
    name=b"summary",
    type="fix",
    role="sou",
    detail="{copy} compared with the inventory{occasion}; weakest evidence of what was reached: {evidence}",
    notes=(
        "checks of shards: {checks}; passed: {passed}, failed: {failed}, inconclusive: {inconclusive}; "
        "shards of the version: {shards}",
        "{good} files good, {bad} bad, {unread} not read; {bytes_read} bytes read; warnings: {warnings}; "
        "earlier findings closed: {closed}",
    ),
    outcome=None,
)
FINDING: Final = Mapped(
    name=b"finding",
    type="fix",
    role="sou",
    detail="{path} of {copy}{occasion}: {code}; evidence of the check: {evidence}",
    notes=("{message}", "expected: {expected}; observed: {observed}"),
    outcome=None,
)

EVENTS: Final[Mapping[str, tuple[Mapped, ...]]] = MappingProxyType(
    {
        "package-added": (
            Mapped(
                type="ing",
                role="out",
                detail="version {version} taken in as {identifier} from {source}; evidence: {evidence}",
                notes=(
                    "{files} files, {bytes} bytes; manifests of the bag: {algorithms}",
                    "root of the inventory: {root}",
                ),
            ),
            DIGESTS,
        ),
        # The outcome is that of the checks which read the copy back: none, no success.
        "copy-recorded": (COPY, ADOPTED),
        # Recorded only when every shard was read back and passed.
        "copy-made-again": (
            Mapped(
                type="rep",
                role="sou",
                detail="{copy} made again in the folder {location}, where it was gone; evidence of reading it back: "
                "{evidence}",
            ),
        ),
        # Either every check for itself, or one summary for each audit and copy; a finding that is damage or could
        # not be determined has an event of its own besides. Findings that leave a check PASS are counted as warnings.
        # PASS is success, FAIL is fail; INCONCLUSIVE is warning, with a note that it could not be determined.
        "check": (CHECK, SUMMARY, FINDING),
        # Our own term. The Library's `recovery` could be taken for getting content off a failing carrier; here sound
        # content of another source took the place of damaged content, which stays in quarantine.
        "file-repaired": (
            Mapped(
                type="repair",
                role="out",
                detail="{part}{path} of {copy} repaired: {method}; cause of the damage: {cause}; sound content from "
                "{source}, evidence of the source: {source_evidence}{interrupted}",
                notes=("expected: {expected}; found: {observed}", "what was found is kept in quarantine: {entry}"),
            ),
        ),
        "file-quarantined": (
            Mapped(
                type="qua",
                role="sou",
                detail="{part}{path} of {copy} set aside as {entry}: {reason}{interrupted}",
                notes=("{size_bytes} bytes, sha256 {sha256}",),
            ),
        ),
        "copy-deleted": (Mapped(type="del", role="sou", detail="{copy} deleted from the folder {location}", by="aut"),),
        "package-removed": (
            Mapped(
                type="dea",
                role="sou",
                detail="looked after no longer: {reason}",
                notes=("{copies} copies at that time",),
                by="aut",
            ),
        ),
        # Our own term: a person's decision that lets repair write to a copy again. No word of the Library is near it.
        "change-confirmed": (
            Mapped(
                type="changeconfirmation",
                role="sou",
                detail="confirmed by a person that {copy} changed in {changed} of {files} files; repair may go on",
                by="aut",
            ),
        ),
    }
)

NOT_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "source-moved": "where the bag that was taken in lies is a note for repair; nothing was done to the package",
        "catalog-created": "of the catalog, not of a package",
        "catalog-migrated": "of the catalog, not of a package",
        "catalog-backed-up": "of the catalog, not of a package",
        "catalog-rebuilt": "of the catalog, not of a package; what it could not bring back is no event either",
        "replica-added": "of a place, not of a package",
        "replica-removed": "of a place, not of a package; what lies there was not touched",
        "audit-opened": "what an audit set out to do; its checks are the events",
        "audit-reopened": "see audit-opened",
        "audit-stopped": "see audit-opened",
        "audit-ended": "see audit-opened",
        "audit-disbelieved": "see audit-opened; what is read again is the event",
        "reading-asked": "what is to be read soon; the checks that follow are the events",
        "thaw-asked": "a provider was asked to make files readable; the checks that follow are the events",
        "alert-acknowledged": "that somebody knows; nothing was done to a package",
        "self-test": "of the auditor, not of a package",
        "replica-surveyed": "of a place, not of a package; what lies there was not touched",
        "name-ignored": "of a name that no copy accounts for, not of a package",
        "name-heeded": "see name-ignored",
        "head-left": "of the catalog's own witness on a replica, not of a package",
        "archivematica-checked": "of an AIP that a Storage Service keeps, which is no package here",
        "metrics-failed": "of the service, not of a package",
    }
)
