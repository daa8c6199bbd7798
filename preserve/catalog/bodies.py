"""The bodies of the journal's links, as far as something follows from them. The rest of a body is left unread."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from checks.names import path_from_fields, show
from checks.policy import Wanted

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]  # with room for sums of them in 64 bits
At = Annotated[datetime, msgspec.Meta(tz=True)]


class Path(msgspec.Struct, frozen=True):
    """The fields of `checks.names.path_fields`."""

    path: str | None
    path_base64: str | None = None

    def name(self) -> bytes | None:
        return path_from_fields({"path": self.path, "path_base64": self.path_base64})

    def required(self) -> bytes:
        """ValueError if there is none."""
        name = self.name()
        if name is None:
            raise ValueError("a path is missing")
        return name


class Named(Path, frozen=True, kw_only=True):
    """A finding, by its code and path."""

    code: Code


class Seen(Named, frozen=True, kw_only=True):
    """A finding as a check reported it."""

    parameters: dict[str, Any]

    def finding(self) -> Finding:
        return Finding(code=self.code, path=self.name(), parameters=self.parameters)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What every link says, and all that follows from some."""

    kind: str
    at: At


class CatalogCreated(Body, frozen=True, kw_only=True):
    catalog: UUID
    revision: str = ""  # earlier programs did not write it


class CatalogMigrated(Body, frozen=True, kw_only=True):
    to: str = ""


class OfPackage(Body, frozen=True, kw_only=True):
    package: UUID


class PackageAdded(OfPackage, frozen=True, kw_only=True):
    identifier: str
    collection: str
    version: Count
    root: str
    shards: Count
    files: Count
    bytes: Count
    source: Path | None


class GivenUp(msgspec.Struct, frozen=True):
    """What an audit no longer sets out to check."""

    audit: Count
    checks: Count


class PackageRemoved(OfPackage, frozen=True, kw_only=True):
    given_up: Sequence[GivenUp] = ()


class SourceMoved(OfPackage, frozen=True, kw_only=True):
    source: Path


class OfCopy(OfPackage, frozen=True, kw_only=True):
    version: Count
    replica: UUID


class CopyRecorded(OfCopy, frozen=True, kw_only=True):
    location: Path


class Check(OfCopy, frozen=True, kw_only=True):
    start: str
    root: str
    started_at: At
    evidence: str
    outcome: Outcome
    good: Count
    bad: Count
    unread: Count
    bytes_read: Count
    audit: Count | None = None
    observed_root: str | None = ""  # "": the expected one
    paths: Sequence[Path] | None = None
    findings: Sequence[Seen] = ()
    closed: Sequence[Named] = ()

    @property
    def level(self) -> Evidence:
        return Evidence.from_label(self.evidence)


class ReplicaAdded(Body, frozen=True, kw_only=True):
    replica: UUID
    name: str


class ReplicaRemoved(Body, frozen=True, kw_only=True):
    replica: UUID
    given_up: Sequence[GivenUp] = ()


class AuditOpened(Body, frozen=True, kw_only=True):
    audit: Count
    scope: dict[str, Any]
    required: str
    planned: Count
    items: str = ""  # see audits.items_digest; earlier programs did not write it


class AuditReopened(Body, frozen=True, kw_only=True):
    audit: Count
    scope: dict[str, Any]
    done: Count


class AuditOver(Body, frozen=True, kw_only=True):
    """Ended, or stopped before."""

    audit: Count
    planned: Count
    done: Count
    passed: Count
    failed: Count
    inconclusive: Count
    files_good: Count
    files_bad: Count
    files_unread: Count
    bytes_read: Count
    reason: str = ""
    abandoned: Count = 0


class AuditDisbelieved(Body, frozen=True, kw_only=True):
    audits: Sequence[Count]


class ReadingAsked(OfCopy, frozen=True, kw_only=True):
    why: Wanted
    starts: Sequence[str] | None = None  # of the shards; None: all of them


class Act(Body, frozen=True, kw_only=True):
    """Any other link: an act on a copy, on a package, or something from which nothing follows."""

    package: UUID | None = None
    version: Count | None = None
    replica: UUID | None = None
    closed: Sequence[Named] = ()


class Repaired(Act, frozen=True, kw_only=True):
    path: str | None = None
    path_base64: str | None = None

    def repaired(self) -> bytes | None:
        return path_from_fields({"path": self.path, "path_base64": self.path_base64})


_KINDS: Mapping[str, type[Body]] = {
    "catalog-created": CatalogCreated,
    "catalog-migrated": CatalogMigrated,
    "package-added": PackageAdded,
    "source-moved": SourceMoved,
    "copy-recorded": CopyRecorded,
    "check": Check,
    "replica-added": ReplicaAdded,
    "replica-removed": ReplicaRemoved,
    "audit-opened": AuditOpened,
    "audit-reopened": AuditReopened,
    "audit-ended": AuditOver,
    "audit-stopped": AuditOver,
    "audit-disbelieved": AuditDisbelieved,
    "package-removed": PackageRemoved,
    "copy-deleted": OfCopy,
    "change-confirmed": OfCopy,
    "reading-asked": ReadingAsked,
    "file-repaired": Repaired,
}
_OF_THE_CATALOG = "catalog-"  # backed up, migrated, rebuilt: nothing of what it holds follows from these


def read_body(kind: str, body: bytes) -> Body:
    """A link's body; ValueError says what it lacks. SQLite keeps what it is given: a kind may be no text."""
    if not isinstance(kind, str):
        raise ValueError("its kind is no text")
    plain = Body if kind.startswith(_OF_THE_CATALOG) else Act
    try:
        return _decoder(_KINDS.get(kind, plain)).decode(body)
    except (msgspec.MsgspecError, TypeError) as error:
        raise ValueError(f"it cannot be read: {show(str(error).encode('utf-8', 'replace'))}") from error


_decoders: dict[type[Body], msgspec.json.Decoder[Body]] = {}


def _decoder(type_: type[Body]) -> msgspec.json.Decoder[Body]:
    if type_ not in _decoders:
        _decoders[type_] = msgspec.json.Decoder(type_)
    return _decoders[type_]
