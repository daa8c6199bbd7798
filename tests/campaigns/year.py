"""A year of audits, simulated: the scheduler, the planner, the catalog and the self-test of production, and no waiting.

As a script: `python -m tests.campaigns.year --packages 400 --files 10000 --picture docs/pictures/year.svg`.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from preserve.app.catalog_check import check_catalog
from preserve.app.health import health
from preserve.app.runs import Service
from preserve.app.workspace import Workspace
from preserve.daemon.service import Daemon
from preserve.progress import Silent
from tests.campaigns.year_archive import START, ZONE, Archive, Shape
from tests.campaigns.year_clock import Clock
from tests.campaigns.year_looks import Account
from tests.campaigns.year_picture import picture
from tests.campaigns.year_reading import Medium, Readings
from tests.campaigns.year_tables import by_month, of_breaches
from tests.campaigns.year_troubles import Troubles

_DAY = timedelta(days=1)
_LOOK_AT = timedelta(hours=18)
_TICK = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=15)  # between two looks of the service while something is due
_FILLED_IN = 0.95  # of the target age before the start: so long it took to take everything in


class SeldomSaving(Service):
    """Production's, but that the catalog is backed up only every so many days: each backup is read back and checked."""

    every_days = 1

    def back_up_if_due(self) -> str:
        last = self._workspace.catalog.last_backed_up()
        if last is not None and timedelta(0) <= self._workspace.clock() - last.at < self.every_days * _DAY - _DAY / 2:
            return ""
        return super().back_up_if_due()


@dataclass(slots=True)
class Year:
    """What came of it. `log`: what the service said."""

    shape: Shape
    account: Account
    troubles: Troubles
    log: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # real ones
    ticks: int = 0
    checked: str = ""  # what `catalog check` found; empty: nothing wrong
    links: int = 0
    look_seconds: list[float] = field(default_factory=list)


class Simulation:
    """Lets the service tick where something can happen, and looks at the archive once a day."""

    def __init__(self, archive: Archive, readings: Readings, year: Year) -> None:
        self._archive, self._readings, self._year = archive, readings, year
        self._clock = archive.clock
        kind = SeldomSaving if archive.shape.backup_days > 1 else Service
        self._service = kind(archive.workspace, Silent(), auditor=readings.auditor())
        if isinstance(self._service, SeldomSaving):
            self._service.every_days = archive.shape.backup_days
        self._daemon: Daemon | None = None
        year.troubles.reload = lambda budget: self._service.reload(archive.settings(budget))

    def _started(self) -> Daemon:
        def say(line: str) -> None:
            assert "internal error" not in line, line  # the service goes on after one; a year of them shows nothing
            self._year.log.append(f"{self._clock():%Y-%m-%d %H:%M} {line}")

        return Daemon(self._service, self._clock, ZoneInfo(ZONE), say, steady=self._clock.steady)

    def live(self) -> None:
        for day in range(self._archive.shape.days):
            self._live_until(START + day * _DAY + _LOOK_AT)
            begun = time.perf_counter()
            seen = health(self._archive.workspace)
            self._year.look_seconds.append(time.perf_counter() - begun)
            self._year.account.look(day, seen, self._readings.runs)

    def _live_until(self, until: datetime) -> None:
        clock, pause = self._clock, _TICK
        while clock.true < until:
            if self._year.troubles.off:
                self._daemon = None
                self._pass_to(until)
                continue
            self._daemon = self._daemon or self._started()
            self._daemon.tick()
            self._year.ticks += 1
            clock.pass_to(clock.true + _TICK)
            self._daemon.keep()
            following = self._next_run()
            pause = min(2 * pause, _LONGEST_PAUSE) if following <= clock.true else _TICK
            self._pass_to(min(until, max(following, clock.true + pause)))
        if self._daemon is not None and not self._year.troubles.off:
            # As all day long; else whoever looks now is told that the service is silent.
            self._daemon.tick()
            self._daemon.keep()

    def _next_run(self) -> datetime:
        """As the service told everybody who asks the catalog; in true time."""
        beat = self._archive.workspace.catalog.heartbeat()
        if beat is None or beat.next_run_at is None:
            return self._clock.true
        return beat.next_run_at - self._clock.ahead

    def _pass_to(self, moment: datetime) -> None:
        """Goes on, at most to the next thing that happens."""
        event = self._clock.next_event
        self._clock.pass_to(moment if event is None else min(moment, max(event, self._clock.true)))


def campaign(folder: Path, shape: Shape) -> Year:
    """Lives through it, and checks the catalog at the end; the account's faults say what is wrong."""
    filled_in = max(2, round(_FILLED_IN * (shape.target_age / _DAY)))
    clock = Clock(START - filled_in * _DAY)
    seconds: dict[str, float] = {}
    with Archive(folder, shape, clock) as archive:
        readings = Readings(clock)
        readings.sizes = lambda copy, shard: archive.sizes[copy.inventory_id][shard]
        readings.media = {archive.ids[name]: Medium(speed) for name, speed in shape.speeds.items()}
        troubles = Troubles(archive, readings)
        year = Year(shape, Account(archive, troubles), troubles, seconds=seconds)
        with _timed(seconds, "taking in"):
            archive.fill(filled_in)
        clock.pass_to(START)
        troubles.plan()
        with _timed(seconds, "the days"), readings.in_place():
            Simulation(archive, readings, year).live()
        year.account.at_the_end(readings.runs)
        with _timed(seconds, "catalog check"):
            _check(archive.workspace, year)
    return year


def _check(workspace: Workspace, year: Year) -> None:
    seen = check_catalog(workspace, Silent(), bags=False)
    year.links = seen.links
    said = [f"{fault.where}: {fault.message}" for fault in seen.faults]
    year.checked = "; ".join([*said, *seen.heads_doubted, *seen.backups_missing, *seen.misfits])
    if year.checked:
        year.account.faults.append(f"catalog check: {year.checked}")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begun


def main() -> int:
    """The campaign as a script; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=400)
    parser.add_argument("--grown", type=int, default=20)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backup-days", type=int, default=28)
    parser.add_argument("--folder", type=Path, help="where the archive is made, and left; a temporary one if not given")
    parser.add_argument("--picture", type=Path, help="where the picture is drawn")
    parser.add_argument("--log", type=Path, help="where what the service said is written")
    given = parser.parse_args()
    shape = Shape(
        packages=given.packages,
        grown=given.grown,
        files=given.files,
        scale=given.scale,
        seed=given.seed,
        backup_days=given.backup_days,
    )
    with tempfile.TemporaryDirectory(prefix="preserve-year-") as name:
        folder = given.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        year = campaign(folder, shape)
    if given.picture:
        drawn = picture(year.account.looks, year.troubles.all, shape.max_age, shape.target_age)
        given.picture.write_text(drawn, encoding="utf-8")
    if given.log:
        given.log.write_text("\n".join(year.log) + "\n", encoding="utf-8")
    _print(year)
    return 1 if year.account.faults else 0


def _print(year: Year) -> None:
    account = year.account
    print(by_month(account))
    print(of_breaches(account))
    looks = sorted(year.look_seconds)
    figures: dict[str, object] = dict(sorted(account.counted.items()))
    figures |= {"ticks of the service": year.ticks, "links of the journal": year.links}
    figures |= {f"seconds for {name}": round(lasted, 1) for name, lasted in year.seconds.items()}
    figures |= {"seconds a look, median": round(looks[len(looks) // 2], 3), "seconds a look, most": round(looks[-1], 3)}
    figures |= {"peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    figures |= {"a shard was passed over by at most, days": round(account.most_passed_over / _DAY, 1)}
    figures |= {"beyond the budget at most, MB": round(account.most_beyond_budget / 1e6)}
    figures |= {"overdue unseen by the wall's clock at most, hours": round(account.most_hidden / timedelta(hours=1), 1)}
    figures |= {"faults": len(account.faults)}
    for what, figure in figures.items():
        print(f"{what:<52}{figure!s:>12}")
    for fault in account.faults[:100]:
        print(f"FAULT {fault}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
