"""What came of placing a package on a replica, and the words for it."""

from dataclasses import dataclass

from checks.evidence import Evidence, Outcome
from checks.findings import Finding
from checks.names import show
from preserve.catalog.rows import CopyRow, PackageRow, ReplicaRow
from preserve.errors import UndeterminedError
from preserve.replicate.copying import Unfilled


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What came of one package and one replica. `problem` says why there is no new copy."""

    package: str
    replica: str
    outcome: Outcome
    already: bool = False
    copy: CopyRow | None = None
    evidence: Evidence | None = None  # the weakest by which the new copy was read back
    problem: str = ""
    remedy: str = ""
    findings: tuple[Finding, ...] = ()


def as_recorded(package: PackageRow, replica: ReplicaRow, copy: CopyRow) -> Placed:
    """A copy that is there already is as good as its findings are; nothing was read now."""
    if copy.damage:
        outcome, problem = Outcome.FAIL, f"the copy is recorded, and damage was found on it ({copy.damage} findings)"
    elif copy.undetermined or copy.shards_read < copy.shards:
        outcome, problem = Outcome.INCONCLUSIVE, "the copy is recorded, and not all of it could be read"
    else:
        outcome, problem = Outcome.PASS, ""
    return Placed(
        package=package.identifier,
        replica=replica.name,
        outcome=outcome,
        already=True,
        copy=copy,
        problem=problem,
        remedy="See `preserve report drift`." if problem else "",
    )


def good_nowhere(one: Unfilled) -> UndeterminedError:
    """What is raised for a file that no source gave good."""
    return UndeterminedError(
        f"{show(one.path)}: no source has it as it was taken in ({'; '.join(one.faults)})",
        remedy="Nothing was recorded. Run `preserve audit` to learn which copies are good.",
    )


def not_placed(package: PackageRow, replica: ReplicaRow, problem: str, remedy: str = "") -> Placed:
    """Nothing could be written, or it is not known what is there."""
    return Placed(
        package=package.identifier,
        replica=replica.name,
        outcome=Outcome.INCONCLUSIVE,
        problem=problem,
        remedy=remedy,
    )


def failed(package: PackageRow, replica: ReplicaRow, found: list[Finding]) -> Placed:
    """What was written did not read back."""
    damaged = any(finding.meaning.outcome is Outcome.FAIL for finding in found)
    said = "did not read back as it was taken in" if damaged else "could not be read back"
    named = ", ".join(_named(finding) for finding in found[:5] if finding.path is not None)
    return Placed(
        package=package.identifier,
        replica=replica.name,
        outcome=Outcome.FAIL if damaged else Outcome.INCONCLUSIVE,
        problem=f"what was written {said}: {named or 'see the findings'}",
        remedy="Nothing was recorded. Suspect this place (a disk, a server) or the way to it (a cable, the network).",
        findings=tuple(found),
    )


def _named(finding: Finding) -> str:
    cause = finding.parameters.get("cause")
    return (show(finding.path) if finding.path else "the copy's own folder") + (
        f" ({show(str(cause).encode())})" if cause else ""
    )
