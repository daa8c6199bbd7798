"""What the journal keeps of a repair."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from checks.findings import Code
from checks.names import path_fields
from preserve.catalog.acts import Act
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow
from preserve.repair.planning import Method

if TYPE_CHECKING:
    from preserve.repair.work import Work


def quarantined(
    work: "Work",
    entry: str,
    size_bytes: int | None,
    digest: str | None,
    by: str,
    *,
    segment: int | None = None,
    settles: Sequence[tuple[Code, bytes]] = (),
) -> Act:
    """A file, or a segment of one, was set aside. Size and SHA-256 (hex) are of what lies in the quarantine now."""
    body = {
        **path_fields(work.step.path),
        "entry": entry,
        "reason": "untracked" if settles else "damaged",
        "size_bytes": size_bytes,
        "sha256": digest,
        "segment": segment,
        "by": by,
    }
    return Act(kind="file-quarantined", copy_id=work.step.copy.id, body=body, settles=settles)


def repaired(work: "Work", method: Method, entry: str, by: str, *, segment: int | None = None) -> Act:
    """A file, or a segment of one, was put right: from where, by what evidence that source was known, and how."""
    wanted, origin = work.step.entry, work.origin
    assert wanted is not None and origin is not None
    body = {
        **path_fields(work.step.path),
        "code": work.code.value,
        "expected": {"size_bytes": wanted.size_bytes, "sha256": wanted.sha256.hex()},
        "observed": work.observed,
        "cause": None if work.diagnosis is None else work.diagnosis.cause.value,
        "cause_words": None if work.diagnosis is None else work.diagnosis.words,
        "source": f"{origin.name}, {origin.other}" if origin.other else origin.name,
        "source_replica": origin.replica,
        "source_evidence": work.evidence.label,  # it was digested while it was copied
        "method": method.value,
        "segment": segment,
        "entry": entry or None,
        "by": by,
    }
    return Act(kind="file-repaired", copy_id=work.step.copy.id, body=body)


def finished(
    copy: CopyRow,
    path: bytes,
    method: str,
    entry: str | None,
    by: str,
    kind: str = "file-repaired",
    more: Mapping[str, object] | None = None,
    settles: Sequence[tuple[Code, bytes]] = (),
) -> Act:
    """An act of a repair that was killed before it could record it; its source is not known any more."""
    body: dict[str, object] = {**path_fields(path), "method": method, "entry": entry, "by": by, "interrupted": True}
    if kind == "file-quarantined":
        body["reason"] = "untracked" if settles else "damaged"
    return Act(kind=kind, copy_id=copy.id, body={**body, **(more or {})}, settles=settles)


def entries_recorded(catalog: Catalog, replica: str) -> set[str]:
    """The quarantine entries of a replica (UUID) that the journal knows."""
    bodies = (json.loads(row.body) for row in catalog.journal_of_kind("file-quarantined"))
    return {str(body.get("entry")) for body in bodies if body.get("replica") == replica}
