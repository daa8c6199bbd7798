"""Two services over one catalog, one of them killed now and then: no shard is read twice within the time it is due.

As a script: `python -m tests.campaigns.two_daemons --seconds 60 --files 600 --kills 4 --seed 1`.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

from checks import inventory
from tests.support.serving import Served, forget_readings, set_audit
from tests.support.workspaces import make_workspace

TARGET_SECONDS = 10
_EARLIEST = 0.8  # of the target: what was read is not due before that


def campaign(folder: Path, *, seconds: float, files: int, kills: int, seed: int) -> tuple[dict[str, object], list[str]]:
    """Figures, and what went wrong."""
    rng, limit, inventory.SHARD_FILES = random.Random(seed), inventory.SHARD_FILES, 3
    try:
        placed = make_workspace(folder, packages=1, files=files // 3, seed=seed)
    finally:
        inventory.SHARD_FILES = limit
    set_audit(folder, every="1s", grace="1s", max_age=f"{2 * TARGET_SECONDS}s", target_age=f"{TARGET_SECONDS}s")
    shards = forget_readings(placed)
    services = [Served(folder, name=name) for name in ("first", "second")]
    try:
        for _ in range(kills + 1):
            for service in services:
                service.lives_for(seconds / (kills + 1) / 2)
            number = rng.randrange(2)
            services[number].kill()
            services[number] = Served(folder, name=("first", "second")[number])
        for service in services:
            service.says("settings:")  # before that a signal ends what has not begun, with 130
        ended = [service.end()[0] for service in services]
    finally:
        for service in services:
            service.kill()
    with placed.open() as workspace, workspace.catalog.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT copy_id, shard_id, audit_id, started_at FROM shard_check WHERE audit_id IS NOT NULL ORDER BY number"
        ).all()
        runs = len(workspace.catalog.audits())
    within = Counter((copy, shard, audit) for copy, shard, audit, _ in rows)
    times = defaultdict(list)
    for copy, shard, _, at in rows:
        times[copy, shard].append(at)
    soonest = min((b - a for each in times.values() for a, b in pairwise(each)), default=None)
    faults = [f"{key}: {count} times in one run" for key, count in within.items() if count > 1]
    faults += [] if len(times) == shards else [f"{shards - len(times)} shards were never read"]
    faults += [f"ended with {status}" for status in ended if status]
    if soonest is not None and soonest < _EARLIEST * TARGET_SECONDS * 1_000_000:
        faults.append(f"a shard was read again after {soonest / 1e6:.2f} s")
    seen = Counter(len(each) for each in times.values())
    figures: dict[str, object] = {"shards": shards, "runs": runs, "checks": len(rows)}
    figures |= {f"shards read {count} times": number for count, number in sorted(seen.items())}
    return figures | {"soonest again, seconds": None if soonest is None else round(soonest / 1e6, 2)}, faults


def main() -> int:
    """The campaign as a script; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--files", type=int, default=600)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given, begun = parser.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="preserve-two-") as name:
        figures, faults = campaign(
            Path(name), seconds=given.seconds, files=given.files, kills=given.kills, seed=given.seed
        )
    for what, figure in [*figures.items(), ("seconds", round(time.monotonic() - begun)), ("faults", len(faults))]:
        print(f"{what:<40}{figure!s:>10}")
    for told in faults[:50]:
        print(f"FAULT {told}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
