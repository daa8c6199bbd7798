"""SIGKILLs and outages in a real run of `preserve serve`: all is read in the end, nothing twice or falsely found.

As a script: `python -m tests.campaigns.serving_killed --kills 50 --outages 20 --files 1000 --seed 1`. A small cut with
a fixed seed is a test. An outage takes a replica's folder away and brings it back, or puts another disk in its place.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from checks import inventory
from checks.evidence import Outcome
from checks.findings import MEANINGS, Code
from preserve.catalog.moments import micros
from preserve.catalog.rows import AuditState
from preserve.stores.identity import Identity, write_identity
from tests.support.serving import Served, forget_readings, set_audit
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace

_TO_THE_END_SECONDS = 180.0
_IN_A_RUN = 0.8  # the share of kills for which it is waited until the service leads
_UNREAD = "SELECT count(*) FROM shard_state WHERE read_at IS NULL OR read_at < ?"


@dataclass
class Report:
    """What a campaign came to, and what went wrong: nothing, it is hoped."""

    kills: int = 0
    in_a_run: int = 0  # kills
    outages: Counter[str] = field(default_factory=Counter)
    audits: Counter[str] = field(default_factory=Counter)  # by how they ended
    checks: Counter[str] = field(default_factory=Counter)  # by outcome
    shards: int = 0
    seconds: float = 0
    faults: list[str] = field(default_factory=list)

    def rows(self) -> list[tuple[str, object]]:
        """For a table."""
        return [
            ("kills", self.kills),
            ("of them during a run", self.in_a_run),
            *((f"outages: {kind}", count) for kind, count in sorted(self.outages.items())),
            *((f"audits: {end}", count) for end, count in sorted(self.audits.items())),
            *((f"checks: {outcome}", count) for outcome, count in sorted(self.checks.items())),
            ("shards of copies", self.shards),
            ("seconds", round(self.seconds)),
            ("faults", len(self.faults)),
        ]


def campaign(folder: Path, *, kills: int, outages: int, files: int, seed: int) -> Report:
    """Disturbs a service over three replicas, lets it go on in peace, and judges what stands in the catalog."""
    rng, report, begun = random.Random(seed), Report(), time.monotonic()
    placed = _prepared(folder, files, seed, report)
    outaging = threading.Thread(target=_outages, args=(folder, random.Random(seed), outages, report))
    outaging.start()
    while report.kills < kills or outaging.is_alive():
        with _served(folder) as service:
            if rng.random() < _IN_A_RUN:
                service.says("reads what is due")
            service.lives_for(rng.uniform(0.05, 1.5))
            report.in_a_run += _runs(placed, service)
        report.kills += 1
    outaging.join()
    peace = datetime.now(UTC)
    with _served(folder) as service:
        _wait_until_all_was_read(placed, peace, report)
        if service.end()[0] != 0:
            report.faults.append(f"it did not end as it should: {service.told[-500:]}")
    _judge(placed, report)
    report.seconds = time.monotonic() - begun
    return report


def _prepared(folder: Path, files: int, seed: int, report: Report) -> PlacedWorkspace:
    """Small shards, so that there are many; due as soon as they were read."""
    limit, inventory.SHARD_FILES = inventory.SHARD_FILES, 10
    try:
        placed = make_workspace(folder, packages=3, files=files // 3, seed=seed)
    finally:
        inventory.SHARD_FILES = limit
    set_audit(folder, every="1s", grace="1s", max_age="4s", target_age="2s")
    report.shards = forget_readings(placed)
    return placed


def _served(folder: Path) -> Served:
    return Served(folder, module="tests.support.disturbed", environment={"PRESERVE_TEST_WAIT": "1"})


def _outages(folder: Path, rng: random.Random, count: int, report: Report) -> None:
    for _ in range(count):
        root, apart = folder / rng.choice(REPLICAS), folder / "taken away"
        kind = rng.choice(("folder away", "empty folder in its place", "another disk in its place"))
        root.rename(apart)
        if kind != "folder away":
            root.mkdir()
        if kind == "another disk in its place":
            # Bags of the same names, but none of theirs: what a wrong mount looks like.
            shutil.copytree(folder / "older", root, dirs_exist_ok=True)
            strange = Identity(uuid=str(UUID(int=rng.getrandbits(128))), name="strange")
            write_identity(bytes(root), strange, datetime.now(UTC))
        time.sleep(rng.uniform(0.05, 1.5))
        if kind != "folder away":
            root.rename(folder / f"decoy {time.monotonic_ns()}")
        apart.rename(root)
        report.outages[kind] += 1
        time.sleep(rng.uniform(0.05, 1.5))


def _runs(placed: PlacedWorkspace, service: Served) -> bool:
    """Whether this very process is in the middle of a run."""
    with placed.open() as workspace:
        holders = [str(audit.scope["holder"]) for audit in workspace.catalog.running_audits()]
    return any(f":{service.process.pid}:" in holder for holder in holders)


def _wait_until_all_was_read(placed: PlacedWorkspace, since: datetime, report: Report) -> None:
    deadline = time.monotonic() + _TO_THE_END_SECONDS
    left = report.shards
    while left:
        if time.monotonic() > deadline:
            report.faults.append(f"{left} shards were never read in peace")
            return
        time.sleep(0.2)
        with placed.open() as workspace, workspace.catalog.reading() as connection:
            left = connection.exec_driver_sql(_UNREAD, (micros(since),)).scalar_one()


def _is_false(code: str) -> bool:
    """Nothing is damaged or missing; that something could not be determined is what an outage makes."""
    return MEANINGS[Code(code)].outcome is not Outcome.INCONCLUSIVE


def _judge(placed: PlacedWorkspace, report: Report) -> None:
    with placed.open() as workspace:
        catalog = workspace.catalog
        with catalog.reading() as connection:
            twice = connection.exec_driver_sql(
                "SELECT audit_id, copy_id, shard_id, count(*) FROM shard_check WHERE audit_id IS NOT NULL"
                " GROUP BY 1, 2, 3 HAVING count(*) > 1"
            ).all()
            found = connection.exec_driver_sql("SELECT code, count(*) FROM finding GROUP BY code").all()
            outcomes = connection.exec_driver_sql("SELECT outcome, count(*) FROM shard_check GROUP BY outcome").all()
        report.faults += [f"audit {row[0]} counts a shard {row[3]} times" for row in twice]
        report.faults += [f"false: {count} times {code}" for code, count in found if _is_false(code)]
        report.faults += [f"still open: {row.code.value}" for row in catalog.findings()]
        report.faults += [f"audit {row.id} runs for ever" for row in catalog.running_audits()]
        fault = catalog.verify_journal()
        report.faults += [] if fault is None else [f"the journal: {fault}"]
        report.checks.update({str(outcome): count for outcome, count in outcomes})
        for audit in catalog.audits():
            report.audits[
                "ended" if audit.state is AuditState.ENDED else f"stopped, {audit.reason or 'no reason'}"
            ] += 1


def main() -> int:
    """The campaign as a script; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--outages", type=int, default=20)
    parser.add_argument("--files", type=int, default=1000, help="of all packages together; each is on three replicas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="preserve-serving-") as name:
        report = campaign(Path(name), kills=given.kills, outages=given.outages, files=given.files, seed=given.seed)
    if given.json:
        print(json.dumps(dict(report.rows()), indent=2))
    else:
        for what, count in report.rows():
            print(f"{what:<40}{count:>10}")
    for told in report.faults[:50]:
        print(f"FAULT {told}", file=sys.stderr)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
