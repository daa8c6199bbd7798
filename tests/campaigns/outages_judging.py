"""What must hold when a command ran into an outage, when it is over, and when all was done again."""

import sqlite3
from typing import Any

from checks.evidence import Outcome
from checks.findings import MEANINGS, Code
from tests.campaigns.outages_places import Files
from tests.campaigns.outages_work import PACKAGES, PLACES, Work
from tests.support.s3_servers import SECRET

_OPEN = """SELECT replica.name, finding.path, finding.code FROM finding JOIN copy ON copy.id = finding.copy_id
 JOIN replica ON replica.id = copy.replica_id WHERE closed_at IS NULL"""
_PASSED = """SELECT replica.name, sum(bytes_to_read) FROM shard_check JOIN copy ON copy.id = shard_check.copy_id
 JOIN replica ON replica.id = copy.replica_id JOIN shard ON shard.id = shard_check.shard_id
 WHERE shard_check.number > ? AND shard_check.outcome = 'pass' GROUP BY 1"""
_COPIES = """SELECT replica.name, package.identifier FROM copy JOIN replica ON replica.id = copy.replica_id
 JOIN package ON package.id = copy.package_id"""
_RUNS = "SELECT state, planned, passed FROM audit ORDER BY id DESC LIMIT 1"


class Judge:
    """Judges one trial after the other; each judgement gives faults, in words."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._command = ""
        self._head = 0
        self._status = 0
        self._kept: dict[str, set[str]] = {}

    def begin(self, command: str) -> None:
        self._command = command
        ((self._head,),) = self._ask("SELECT max(number) FROM journal")
        self._kept = {place: _backups(self._work.places[place].read()) for place in PLACES}

    def _ask(self, question: str, *given: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._work.folder / "work" / "catalog.sqlite")
        try:
            return connection.execute(question, given).fetchall()
        finally:
            connection.close()

    def of_the_end(self, status: int, told: str, *, killed: bool) -> list[str]:
        """Of the command that ran into it, before the trouble is over."""
        faults = []
        wanted = {"audit": (0, 3), "backup": (0, 3)}.get(self._command, (0, 1, 3))
        if status not in wanted and not (killed and status == -9):
            faults.append(f"exit status {status}")
        faults += [f"it told {word!r}" for word in ("Traceback", "internal error", SECRET) if word in told]
        for place, code in self._damage():
            faults.append(f"false finding on the {place}: {code}")
        passed = {str(name): int(str(count)) for name, count in self._ask(_PASSED, self._head)}
        for place in ("bucket", "server"):
            arrived = self._work.places[place].line.bytes["down"]
            if self._command == "audit" and passed.get(place, 0) > arrived:
                faults.append(f"{passed[place]} bytes passed on the {place}, of which {arrived} arrived")
        self._status = status
        return faults

    def _damage(self) -> list[tuple[str, str]]:
        """Open findings that are not of what was planted."""
        told = []
        for place, path, code in self._ask(_OPEN):
            assert isinstance(path, bytes)
            planted = self._command == "repair" and any(
                each == place and known.endswith("/" + path.decode()) for each, known in self._work.planted if path
            )
            if MEANINGS[Code(str(code))].outcome is Outcome.FAIL and not planted:
                told.append((str(place), f"{code} {path.decode()}"))
        return told

    def of_what_stands(self) -> list[str]:
        """Of the places, once they can be looked at again."""
        faults, recorded = [], set(self._ask(_COPIES))
        for place in PLACES:
            there = self._work.places[place].read()
            for package in PACKAGES:
                wrong = self._wrong(place, package, there)
                if not wrong or (self._status != 0 and all((place, path) in self._work.planted for path in wrong)):
                    continue
                if (place, package) in recorded:
                    faults.append(f"{package} on the {place} is recorded, and not whole: {wrong[:3]}")
                elif f"{package}/bagit.txt" in there or (
                    place != "bucket" and any(path.startswith(package + "/") for path in there)
                ):
                    faults.append(f"{package} on the {place} looks like a copy, and is not whole: {wrong[:3]}")
            missed = _backups(there) == self._kept[place]
            if self._status == 0 and self._command == "backup" and missed:
                faults.append(f"exit status 0, and no new backup on the {place}")
        if self._status == 0 and self._command == "replicate" and len(recorded) != len(PACKAGES) * len(PLACES):
            faults.append("exit status 0, and not every copy is recorded")
        if self._status == 0 and self._command == "audit":
            ((state, planned, passed),) = self._ask(_RUNS)
            if state != "ended" or planned != passed:
                faults.append(f"exit status 0, and the audit is {state} with {passed} of {planned}")
        return faults

    def _wrong(self, place: str, package: str, there: Files) -> list[str]:
        known = self._work.bags[package]
        there = {path: content for path, content in there.items() if path.startswith(package + "/")}
        return sorted(path for path in known.keys() | there.keys() if known.get(path) != there.get(path))

    def missing_bytes(self, place: str) -> int:
        """What of the large package is not there yet; of a file that was cut off, what stands counts as there."""
        there = self._work.places[place].read()
        held = {content for content in there.values() if len(content) > 1000}
        missing = 0
        for content in self._work.bags["film"].values():
            if content not in held:
                part = max((len(each) for each in held if content.startswith(each)), default=0)
                missing += len(content) - (part if part >= 8 << 20 else 0)
        return missing

    def of_peace(self) -> list[str]:
        """When the same command was run again: all is well."""
        faults = self._work.must_succeed("catalog", "check")
        if self._command != "audit":
            faults += self._work.must_succeed("audit")
        faults += [f"open in the end on the {place}: {code}" for place, code in self._damage()]
        for place in PLACES:
            there = self._work.places[place].read()
            wrong = [path for package in PACKAGES for path in self._wrong(place, package, there)]
            if wrong:
                faults.append(f"not as it was taken in, on the {place}: {wrong[:3]}")
            left = [path for path in there if path.startswith(".preserve/staging/")]
            if left:
                faults.append(f"left in the staging of the {place}: {left[:3]}")
        return faults


def _backups(files: Files) -> set[str]:
    return {path for path in files if path.startswith(".preserve/catalog/") and path.endswith(".sqlite")}
