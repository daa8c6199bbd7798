"""The daemon with a clock that the test moves: one leader, late runs run, errors do not end it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from config import Every
from preserve.daemon.service import Daemon
from preserve.errors import CatalogError

START = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Shared:
    """What two daemons of one catalog share: who leads, and when the last run began."""

    def __init__(self) -> None:
        self.leader: str | None = None
        self.last: datetime | None = None
        self.runs: list[tuple[str, datetime]] = []


class FakeWork:
    def __init__(self, name: str, shared: Shared, clock: Clock) -> None:
        self.name, self.shared, self.clock = name, shared, clock
        self.error: Exception | None = None
        self.during: Callable[[threading.Event], None] = lambda stop: None
        self.backups: Callable[[], str] = lambda: ""

    def lead(self, ttl_seconds: float) -> bool:
        if self.shared.leader is None:
            self.shared.leader = self.name
        return self.shared.leader == self.name

    def yield_lead(self) -> None:
        if self.shared.leader == self.name:
            self.shared.leader = None

    def last_run_at(self) -> datetime | None:
        return self.shared.last

    def run_due(self, stop: threading.Event) -> str:
        if self.error is not None:
            raise self.error
        self.during(stop)
        if not stop.is_set():  # a run that was stopped is not the last run: it is run again
            self.shared.last = self.clock.now
        self.shared.runs.append((self.name, self.clock.now))
        return "ran"

    def back_up_if_due(self) -> str:
        return self.backups()


def daemon(work: FakeWork, clock: Clock, said: list[str] | None = None) -> Daemon:
    every = Every(interval=timedelta(hours=6))
    return Daemon(work, every, clock, UTC, (said if said is not None else []).append)


def test_a_simulated_month_runs_every_interval_and_after_an_outage_at_once() -> None:
    clock, shared = Clock(), Shared()
    ticking = daemon(FakeWork("a", shared, clock), clock)
    off = range(24 * 10, 24 * 12)  # hours in which the machine is switched off
    for hour in range(24 * 30):
        clock.now = START + timedelta(hours=hour)
        if hour not in off:
            ticking.tick()
    gaps = [b[1] - a[1] for a, b in zip(shared.runs, shared.runs[1:], strict=False)]
    assert shared.runs[0][1] == START
    assert sum(gap == timedelta(hours=6) for gap in gaps) == len(gaps) - 1
    assert max(gaps) == timedelta(hours=54)  # from the last run before to the first moment after, once


def test_only_one_of_two_daemons_runs_and_the_other_takes_over() -> None:
    clock, shared = Clock(), Shared()
    one, two = (daemon(FakeWork(name, shared, clock), clock) for name in ("one", "two"))
    for _ in range(3):
        one.tick()
        two.tick()
        clock.now += timedelta(hours=6)
    assert [name for name, _ in shared.runs] == ["one"] * 3
    shared.leader = None  # the leader died, its lease ran out
    two.tick()
    one.tick()
    assert [name for name, _ in shared.runs] == ["one"] * 3 + ["two"]


def test_an_error_is_told_and_the_next_tick_tries_again() -> None:
    clock, shared, said = Clock(), Shared(), list[str]()
    work = FakeWork("a", shared, clock)
    work.error = CatalogError("the catalog is in use", remedy="Wait.")
    ticking = daemon(work, clock, said)
    ticking.tick()
    ticking.tick()
    assert shared.runs == []
    assert sum("the catalog is in use" in line for line in said) == 1  # not a line a tick
    work.error = None
    ticking.tick()
    assert len(shared.runs) == 1


def test_a_backup_follows_each_run_and_its_failure_is_told_and_ends_nothing() -> None:
    clock, shared, said = Clock(), Shared(), list[str]()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock, said)

    def fail() -> str:
        raise CatalogError("the disk is full", remedy="Make room.")

    work.backups = fail
    ticking.tick()
    ticking.tick()  # nothing is due, so no backup either
    work.backups = lambda: "backed up"
    clock.now += timedelta(hours=6)
    ticking.tick()
    assert said[1:] == ["ran", "the catalog was not backed up: the disk is full Make room.", "ran", "backed up"]


def test_a_run_that_was_stopped_is_run_again() -> None:
    clock, shared = Clock(), Shared()
    work = FakeWork("a", shared, clock)
    work.during = threading.Event.set
    ticking = daemon(work, clock)
    ticking.tick()
    assert shared.last is None
    work.during = lambda stop: None
    ticking.tick()
    assert shared.last == START


def test_losing_the_lead_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, shared = Clock(), Shared()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock)

    def lose(stop: threading.Event) -> None:
        shared.leader = "another"
        ticking._keep_lead()
        assert stop.is_set()

    work.during = lose
    ticking.tick()
    assert shared.runs


def test_the_real_ticker_ticks_and_stops() -> None:
    """Once with APScheduler and the real clock."""
    shared, ran = Shared(), threading.Event()

    class RealClock(Clock):
        def __call__(self) -> datetime:
            self.now = datetime.now(UTC)
            return self.now

    clock = RealClock()
    work = FakeWork("a", shared, clock)
    work.during = lambda stop: ran.set() if len(shared.runs) >= 1 else None
    ticking = Daemon(work, Every(interval=timedelta(seconds=1)), clock, UTC, [].append)
    serving = threading.Thread(target=ticking.serve)
    serving.start()
    assert ran.wait(20), "it ran a second time, a second later"
    ticking.stop()
    serving.join(20)
    assert not serving.is_alive()
    assert shared.leader is None
    assert len(shared.runs) >= 2
