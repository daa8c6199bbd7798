"""What goes wrong in the simulated year, and what people do: all of it at noon, when nothing is read."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from checks.policy import Wanted
from preserve.audit.lanes import Pair
from tests.campaigns.year_archive import START, Archive
from tests.campaigns.year_reading import Readings

_NOON = timedelta(hours=12)
_DAY = timedelta(days=1)
# After noon, when a replica goes: in the middle of its reading.
_INTO_THE_NIGHT = {
    "nas": timedelta(hours=8, minutes=8),
    "disk": timedelta(hours=9, minutes=8),
    "abroad": timedelta(hours=12, minutes=45),
}
SMALL_BUDGET = 1_000_000_000  # bytes a night


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`replica` is empty where it concerns all."""

    kind: str
    replica: str
    begins: datetime
    ends: datetime

    def at(self, moment: datetime, after: timedelta = timedelta(0)) -> bool:
        return self.begins <= moment <= self.ends + after


@dataclass(slots=True)
class Troubles:
    """What is planned, and what stands now."""

    archive: Archive
    readings: Readings
    all: list[Trouble] = field(default_factory=list)
    off: bool = False  # whether `preserve serve` is
    asked: list[tuple[datetime, frozenset[Pair]]] = field(default_factory=list)
    reload: Callable[[int | None], None] = lambda budget: None

    def plan(self) -> None:
        """The days are those of a year; shorter simulations shorten them."""
        shape, clock = self.archive.shape, self.archive.clock
        rng = Random(shape.seed)
        for name, first, days in (("nas", 151, 3), ("disk", 70, 21), ("abroad", 210, 30), ("abroad", 243, 29)):
            self._away(name, first, days)
        self._for("budget too small", "nas", 120, 31, lambda: self.reload(SMALL_BUDGET), lambda: self.reload(None))
        self._for("service off", "", 180, 5, lambda: self._set_off(True), lambda: self._set_off(False))
        back = self._for("clock a day back", "", 300, 4, lambda: clock.set_by(-_DAY), lambda: clock.set_by(_DAY * 0))
        assert back.ends > back.begins
        self._unreadable(rng, "disk", 100, 140)
        for name, day in (("nas", 20), ("disk", 95), ("nas", 260)):
            self._damaged(rng, name, day)
        self._at(160, lambda: self._ask(rng, "disk"))
        for number in range(shape.grown):
            self._at((number + 0.5) * 365 / shape.grown, lambda: self._grow())

    def _day(self, day: float) -> datetime:
        return START + max(1, round(day * self.archive.shape.scale)) * _DAY + _NOON

    def _at(self, day: float, event: Callable[[], None]) -> None:
        self.archive.clock.at(self._day(day), event)

    def _for(
        self, kind: str, name: str, first: float, days: float, begin: Callable[[], None], end: Callable[[], None]
    ) -> Trouble:
        begins = self._day(first)
        ends = max(self._day(first + days), begins + _DAY)
        self.archive.clock.at(begins, begin)
        self.archive.clock.at(ends, end)
        self.all.append(Trouble(kind=kind, replica=name, begins=begins, ends=ends))
        return self.all[-1]

    def _away(self, name: str, first: float, days: float) -> None:
        """It goes in the middle of a night's reading, and is brought back at noon."""
        here, away = self.archive.folder / name, self.archive.folder / f"{name}.away"
        begins = self._day(first) + _INTO_THE_NIGHT[name]
        ends = max(self._day(first + days), self._day(first) + 2 * _DAY)
        self.archive.clock.at(begins, lambda: os.rename(here, away))
        self.archive.clock.at(ends, lambda: os.rename(away, here))
        self.all.append(Trouble(kind="away", replica=name, begins=begins, ends=ends))

    def _set_off(self, off: bool) -> None:
        self.off = off

    def _some(self, rng: Random, name: str, count: int) -> set[Pair]:
        copies = [copy for copy in self.archive.copies if copy.replica == name]
        chosen = (rng.choice(copies) for _ in range(count))
        return {(copy.id, rng.choice(sorted(self.archive.sizes[copy.inventory_id]))) for copy in chosen}

    def _unreadable(self, rng: Random, name: str, first: float, days: float) -> None:
        medium = self.readings.media[self.archive.ids[name]]
        count = max(3, len(self.archive.copies) // 100)
        self._for(
            "unreadable shards",
            name,
            first,
            days,
            lambda: medium.unreadable.update(self._some(rng, name, count)),
            medium.unreadable.clear,
        )

    def _damaged(self, rng: Random, name: str, day: float) -> None:
        """Damage that somebody repairs, so that it is wanted to be read again, when it was found at the latest."""
        medium, shape = self.readings.media[self.archive.ids[name]], self.archive.shape
        pairs: set[Pair] = set()

        def breaks() -> None:
            pairs.update(self._some(rng, name, 1))
            medium.damaged.update(pairs)

        def is_repaired() -> None:
            medium.damaged.difference_update(pairs)
            catalog, now = self.archive.workspace.catalog, self.archive.clock()
            catalog.ask_reading(sorted(pairs), Wanted.REPAIRED, "repair", now)

        self._at(day, breaks)
        self.archive.clock.at(self._day(day) + shape.target_age + 12 * _DAY, is_repaired)
        self.all.append(
            Trouble(
                kind="damage",
                replica=name,
                begins=self._day(day),
                ends=self._day(day) + shape.target_age + 12 * _DAY,
            )
        )

    def _ask(self, rng: Random, name: str) -> None:
        """A person asks for a copy, outside the hours."""
        clock, bad = self.archive.clock, {copy for copy, _ in self.readings.media[self.archive.ids[name]].unreadable}
        copies = [copy for copy in self.archive.copies if copy.replica == name and copy.id not in bad]
        copy = rng.choice(copies)  # one that can be read: what cannot would be tried each quarter of an hour
        self.archive.workspace.catalog.ask_reading([copy.id], Wanted.ASKED, "an archivist", clock())
        self.asked.append((clock.true, frozenset((copy.id, shard) for shard in self.archive.sizes[copy.inventory_id])))

    def _grow(self) -> None:
        self.archive.take_in(1, unread=("abroad",))

    def away(self, name: str, moment: datetime) -> bool:
        return any(one.kind == "away" and one.replica == name and one.at(moment) for one in self.all)

    def shaded(self) -> list[Trouble]:
        """Those in which a replica, or all of them, cannot be read."""
        return [one for one in self.all if one.kind in ("away", "service off", "budget too small")]
