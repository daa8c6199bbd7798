"""The works whose system calls are made to fail, and what must hold of each; see `tests.campaigns.failing`.

A further work is a class like these: it makes what its command needs, names the command, and judges what came of it by
what stands on the disk.
"""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from checks.findings import Severity
from preserve.app.workspace import Workspace
from preserve.catalog.rows import AuditState
from tests.campaigns.calls import READING, Call
from tests.campaigns.killing import Bagging
from tests.campaigns.killing_copies import Auditing, Kept, Replicating
from tests.campaigns.killing_repairs import Repairing
from tests.support.workspaces import REPLICAS

# What may be said of files that could not be read, besides that all is well.
_UNREAD = {"unreadable", "changed-while-read", "listing-incomplete", "replica-unavailable", "weak-evidence"}


class Work(Protocol):
    """A command in a folder of its own, some of whose system calls fail."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Makes what the command needs."""
        ...

    def arguments(self, folder: Path) -> Sequence[str]:
        """The arguments of `preserve`; the same at the second run."""
        ...

    def judge(self, folder: Path, status: int, stdout_json: object, stderr: str, fault: Call | None) -> list[str]:
        """What should not be. `fault` is the call that failed, None after the undisturbed run that follows."""
        ...

    def must_read(self, call: Call) -> bool:
        """Whether all is well only if this call, or one like it later, was done."""
        ...


class BaggingWork:
    """`preserve bag`, as a copy or in place."""

    def __init__(self, *, in_place: bool) -> None:
        self._bagging = Bagging(in_place, files=2, largest_bytes=30_000)
        self.name = "bag in place" if in_place else "bag as a copy"

    def prepare(self, folder: Path) -> None:
        self._bagging.prepare(folder, random.Random(7))

    def arguments(self, folder: Path) -> Sequence[str]:
        return self._bagging.arguments(folder)

    def judge(self, folder: Path, status: int, stdout_json: object, stderr: str, fault: Call | None) -> list[str]:
        if status == 0:
            return self._bagging.faults_at_the_end(folder, status)
        if fault is not None:
            return self._bagging.faults_when_killed(folder)
        # The first run had come so far that there was nothing left to do: then the bag is in its own way.
        return self._bagging.faults_at_the_end(folder, status)

    def must_read(self, call: Call) -> bool:
        return call.name in READING and not call.creating and call.path.startswith("source/") and "/." not in call.path


class ReplicatingWork:
    """`preserve replicate` of two packages to two replicas, from the bags and a third replica."""

    name = "replicate"

    def __init__(self) -> None:
        self._kept = Replicating(packages=2, files=4)

    def prepare(self, folder: Path) -> None:
        self._kept.prepare(folder, random.Random(7))

    def arguments(self, folder: Path) -> Sequence[str]:
        return self._kept.arguments(folder)

    def judge(self, folder: Path, status: int, stdout_json: object, stderr: str, fault: Call | None) -> list[str]:
        if fault is None:
            return self._kept.faults_at_the_end(folder, status)
        if status == 0:  # a lock file that could not be taken away is no harm; the next run does it
            return [told for told in self._kept.faults_at_the_end(folder, status) if ".lock is left" not in told]
        return self._kept.faults_when_killed(folder)

    def must_read(self, call: Call) -> bool:
        """What was staged is read back."""
        return call.name in READING and not call.creating and "/.preserve/staging/" in call.path


class AuditingWork:
    """`preserve audit` of good copies of two packages on three replicas."""

    name = "audit"

    def __init__(self) -> None:
        self._kept: Kept = _Good(packages=2, files=4)

    def prepare(self, folder: Path) -> None:
        self._kept.prepare(folder, random.Random(7))

    def arguments(self, folder: Path) -> Sequence[str]:
        return ["--config", str(folder / "preserve.toml"), "audit", "--json"]

    def judge(self, folder: Path, status: int, stdout_json: object, stderr: str, fault: Call | None) -> list[str]:
        faults = self._kept.changed(folder, ("bags", *REPLICAS))
        with self._kept.open(folder) as workspace:
            faults += self._kept.journal_faults(workspace)
            codes = {row.code.value for row in workspace.catalog.findings() if row.finding.severity is Severity.ERROR}
            codes |= set(_codes(stdout_json))
            faults += [f"found on a good copy: {code}" for code in sorted(codes - _UNREAD - {"unstable-read"})]
            if status == 0 or fault is None:
                faults += [] if status == 0 else [f"the rerun ended with {status}"]
                faults += [f"all is well, and {code} is open" for code in sorted(codes & _UNREAD)]
                faults += self._not_ended(workspace)
        return faults

    def _not_ended(self, workspace: Workspace) -> list[str]:
        """Faults of the last audit, which has to have read everything."""
        audit = workspace.catalog.audits(1)[0]
        whole = audit.state is AuditState.ENDED and audit.planned == audit.done == audit.passed >= 2 * len(REPLICAS)
        return [] if whole else [f"it ended well and did not read all: {audit}"]

    def must_read(self, call: Call) -> bool:
        ours = call.path.endswith("/.preserve") or "/.preserve/" in call.path
        return call.name in READING and not ours and call.path.startswith(tuple(f"{name}/" for name in REPLICAS))


class RepairingWork:
    """`preserve repair --apply` of every kind of damage on one copy."""

    name = "repair"

    def __init__(self) -> None:
        self._kept = Repairing(packages=1, files=14, damaged=(("disk", "box-0"),))

    def prepare(self, folder: Path) -> None:
        self._kept.prepare(folder, random.Random(7))

    def arguments(self, folder: Path) -> Sequence[str]:
        return self._kept.arguments(folder)

    def judge(self, folder: Path, status: int, stdout_json: object, stderr: str, fault: Call | None) -> list[str]:
        if fault is None:
            return self._kept.faults_at_the_end(folder, status)
        if status == 0:  # what was set aside and cannot be read gets its manifest from a later run
            return [told for told in self._kept.faults_at_the_end(folder, status) if "is left with" not in told]
        return self._kept.faults_when_killed(folder)

    def must_read(self, call: Call) -> bool:
        """What was put in place is read there; of sources there are others, and a listing is not needed."""
        listing = call.name.startswith("getdents")
        return call.name in READING and not (listing or call.creating) and call.path.startswith("disk/box-0/data/")


class _Good(Auditing):
    def change(self, folder: Path) -> None:
        """Nothing is damaged."""


def _codes(document: object) -> list[str]:
    """The codes of all findings in a document, wherever they stand."""
    if isinstance(document, dict):
        own = [str(document["code"])] if "code" in document and "severity" in document else []
        return own + [code for value in document.values() for code in _codes(value)]
    return [code for each in document for code in _codes(each)] if isinstance(document, list) else []


WORKS: dict[str, Callable[[], Work]] = {
    "bag": lambda: BaggingWork(in_place=False),
    "in-place": lambda: BaggingWork(in_place=True),
    "replicate": ReplicatingWork,
    "audit": AuditingWork,
    "repair": RepairingWork,
}


def document_of(stdout: str) -> object:
    """The one JSON document of a run; None if there is none, or more."""
    try:
        return json.loads(stdout)
    except ValueError:
        return None
