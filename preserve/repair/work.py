"""One step of a repair: at work, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from checks.causes import Diagnosis
from checks.evidence import Evidence, Outcome
from checks.findings import Code
from preserve.audit.copies import CopyView
from preserve.catalog.acts import Act
from preserve.catalog.rows import CheckResult
from preserve.repair.origins import Origin
from preserve.repair.planning import Method, Step
from preserve.repair.reading import Fetched, Piece
from preserve.stores.port import Quarantine, ReplicaStore


class Ending(StrEnum):
    """How a step ended."""

    PLANNED = "planned"  # it was only looked into
    REPAIRED = "repaired"
    SET_ASIDE = "set-aside"
    WAS_GOOD = "was-good"  # when it was read again
    NO_SOURCE = "no-good-copy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What came of one step."""

    step: Step
    ending: Ending
    method: Method
    origin: Origin | None = None
    evidence: Evidence | None = None  # by which the origin was read for this
    diagnosis: Diagnosis | None = None
    entry: str = ""  # in the quarantine
    problem: str = ""
    remedy: str = ""
    outcome: Outcome = Outcome.PASS
    results: Sequence[CheckResult] = ()


def no_source(step: Step, faults: Sequence[str], *, unread: bool) -> Mended:
    """No origin gave good bytes. While one of them could not be read, that is no loss."""
    return Mended(
        step=step,
        ending=Ending.FAILED if unread else Ending.NO_SOURCE,
        method=step.method,
        problem="; ".join(dict.fromkeys(faults)) or "nothing in the catalog has its content",
        remedy="Make readable what could not be read, then repair again." if unread else "",
        outcome=Outcome.INCONCLUSIVE if unread else Outcome.FAIL,
    )


@dataclass(slots=True)
class Work:
    """One step at work: its store, where its file lies, and what becomes of it."""

    step: Step
    store: ReplicaStore
    quarantine: Quarantine
    view: CopyView
    on_disk: bytes  # the name that the file has on the copy
    code: Code
    observed: object
    acts: list[Act] = field(default_factory=list)
    origin: Origin | None = None
    evidence: Evidence = Evidence.LISTED  # by which the origin was read
    diagnosis: Diagnosis | None = None
    faults: list[str] = field(default_factory=list)  # of origins that were not good
    unread: bool = False  # whether one of them could not be read, and so may be good

    def missed(self, origin: Origin, fetched: Fetched) -> None:
        """An origin did not give good bytes."""
        self.faults.append(f"{origin.name}: {fetched.fault}")
        self.unread = self.unread or fetched.unread

    @property
    def full(self) -> bytes:
        """Below the replica's root."""
        return self.step.copy.location + b"/" + self.on_disk

    @property
    def piece(self) -> Piece:
        assert self.step.entry is not None
        return Piece(self.step.entry)
