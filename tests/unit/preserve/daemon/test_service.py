"""The daemon with a clock that the test moves: one leader, late runs run, errors do not end it."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import config
from config import Every, Settings, SettingsError
from preserve.audit.schedule import RunPlan
from preserve.daemon.service import Daemon
from preserve.errors import CatalogError

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Always:
    def is_open(self, now: datetime) -> bool:
        return True

    def next_open(self, now: datetime) -> datetime:
        return now

    def opened_at(self, now: datetime) -> datetime | None:
        return None


class Clock:
    """The wall's, and the steady one, which is not set with it."""

    def __init__(self) -> None:
        self.now, self.steady = START, 1000.0

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, time: timedelta) -> None:
        self.now += time
        self.steady += time.total_seconds()


class Shared:
    """What two daemons of one catalog share: who leads, and when the last run began."""

    def __init__(self) -> None:
        self.leader: str | None = None
        self.last: datetime | None = None
        self.runs: list[tuple[str, datetime]] = []

    def leader_dies(self) -> None:
        """Its lease runs out."""
        self.leader = None


class FakeWork:
    def __init__(self, name: str, shared: Shared, clock: Callable[[], datetime]) -> None:
        self.name, self.shared, self.clock = name, shared, clock
        self.every = Every(interval=6 * HOUR)
        self.error: Exception | None = None
        self.during: Callable[[threading.Event], None] = lambda stop: None
        self.backups: Callable[[], str] = lambda: ""
        self.alerts: Callable[[], str] = lambda: ""
        self.beats: list[tuple[datetime | None, bool]] = []
        self.settings: list[Settings] = []
        self.begun = 0

    def lead(self, ttl_seconds: float) -> bool:
        if self.shared.leader is None:
            self.shared.leader = self.name
        return self.shared.leader == self.name

    def yield_lead(self) -> None:
        if self.shared.leader == self.name:
            self.shared.leader = None

    def plans(self) -> Mapping[str, RunPlan]:
        plan = RunPlan(name="nas", every=self.every, hours=Always(), grace=HOUR, last_run_at=self.shared.last)
        return {"nas": plan}

    def run_due(self, replicas: tuple[str, ...], stop: threading.Event) -> str:
        assert replicas == ("nas",)
        self.begun += 1
        if self.error is not None:
            raise self.error
        began = self.clock()
        self.during(stop)
        if not stop.is_set():  # a run that was stopped is not the last run: it is run again
            self.shared.last = began
        self.shared.runs.append((self.name, began))
        return "ran"

    def beat(self, next_run_at: datetime | None, *, goodbye: bool = False) -> None:
        self.beats.append((next_run_at, goodbye))

    def look_after(self, stop: threading.Event) -> str:
        return self.alerts()

    def back_up_if_due(self) -> str:
        return self.backups()

    def reload(self, settings: Settings) -> None:
        self.settings.append(settings)


def daemon(work: FakeWork, clock: Clock, said: list[str] | None = None) -> Daemon:
    return Daemon(work, clock, UTC, (said if said is not None else []).append, steady=lambda: clock.steady)


def test_a_simulated_month_runs_every_interval_and_after_an_outage_at_once() -> None:
    clock, shared = Clock(), Shared()
    ticking = daemon(FakeWork("a", shared, clock), clock)
    off = range(24 * 10, 24 * 12)  # hours in which the machine is switched off
    for hour in range(24 * 30):
        if hour not in off:
            ticking.tick()
        clock.pass_(HOUR)
    gaps = [b[1] - a[1] for a, b in zip(shared.runs, shared.runs[1:], strict=False)]
    assert shared.runs[0][1] == START
    assert sum(gap == 6 * HOUR for gap in gaps) == len(gaps) - 1
    assert max(gaps) == 54 * HOUR  # from the last run before to the first moment after, once


@pytest.mark.parametrize("set_by", [timedelta(days=-1), timedelta(hours=-3), timedelta(days=30), timedelta(hours=2)])
def test_a_clock_that_is_set_skips_no_run_and_makes_at_most_the_one_that_it_makes_late(set_by: timedelta) -> None:
    clock, shared = Clock(), Shared()
    ticking = daemon(FakeWork("a", shared, clock), clock)
    began: list[float] = []
    for minute in range(72 * 60):
        if minute == 31 * 60:
            clock.now += set_by
        before = len(shared.runs)
        ticking.tick()
        began += [clock.steady] if len(shared.runs) > before else []
        clock.pass_(timedelta(minutes=1))
    gaps = [timedelta(seconds=later - earlier) for earlier, later in pairwise(began)]
    shorter = [gap for gap in gaps if gap < 6 * HOUR]
    assert max(gaps) == 6 * HOUR
    # Set forward, a run is late by the wall's clock, of which nobody can know that the machine did not stand still.
    assert len(shorter) == (1 if set_by > timedelta(0) else 0)


def test_a_clock_set_back_before_the_daemon_began_makes_one_run_and_no_more() -> None:
    clock, shared = Clock(), Shared()
    shared.last = START + timedelta(days=1)
    ticking = daemon(FakeWork("a", shared, clock), clock)
    for _ in range(5 * 60):
        ticking.tick()
        clock.pass_(timedelta(minutes=1))
    assert shared.runs == [("a", START)]


def test_only_one_of_two_daemons_runs_and_the_other_takes_over() -> None:
    clock, shared = Clock(), Shared()
    one, two = (daemon(FakeWork(name, shared, clock), clock) for name in ("one", "two"))
    for _ in range(3):
        one.tick()
        two.tick()
        clock.pass_(6 * HOUR)
    assert [name for name, _ in shared.runs] == ["one"] * 3
    shared.leader_dies()
    two.keep()
    assert shared.leader == "two"
    two.tick()
    one.tick()
    assert [name for name, _ in shared.runs] == ["one"] * 3 + ["two"]


def test_an_error_is_told_once_and_the_next_tick_tries_again() -> None:
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


def test_runs_that_come_to_nothing_are_not_begun_at_every_tick() -> None:
    clock, shared = Clock(), Shared()
    work = FakeWork("a", shared, clock)
    work.error = CatalogError("the self-test failed")
    ticking = daemon(work, clock)
    for _ in range(120):
        ticking.tick()
        clock.pass_(timedelta(seconds=30))
    assert 5 <= work.begun <= 10  # in an hour
    work.error = None
    clock.pass_(timedelta(minutes=15))
    ticking.tick()
    assert len(shared.runs) == 1


def test_alerts_are_sent_though_the_run_failed() -> None:
    clock, shared, said = Clock(), Shared(), list[str]()
    work = FakeWork("a", shared, clock)
    work.error, work.alerts = CatalogError("the disk is full"), lambda: "1 letter was sent"
    daemon(work, clock, said).tick()
    assert said[1:] == ["error: the disk is full", "1 letter was sent"]


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
    clock.pass_(6 * HOUR)
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


def test_losing_the_lead_ends_the_run() -> None:
    clock, shared = Clock(), Shared()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock)

    def lose(stop: threading.Event) -> None:
        shared.leader = "another"
        clock.pass_(timedelta(minutes=1))
        ticking.keep()
        assert stop.is_set()

    work.during = lose
    ticking.tick()
    assert shared.runs


def test_the_heart_beats_during_a_long_run() -> None:
    clock, shared = Clock(), Shared()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock)

    def hours(stop: threading.Event) -> None:
        for _ in range(60):
            clock.pass_(timedelta(seconds=3))
            ticking.keep()

    work.during = hours
    ticking.tick()
    assert 12 <= len(work.beats) <= 14  # one at the begin, then one in 15 seconds


def test_the_heart_beats_however_often_the_clock_is_looked_at() -> None:
    clock, shared = Clock(), Shared()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock)
    for _ in range(60):
        clock.pass_(timedelta(seconds=3))
        ticking.tick()
        ticking.keep()
    assert 12 <= len(work.beats) <= 14


def test_a_run_that_gets_nowhere_is_not_alive_and_one_that_reads_is() -> None:
    clock, shared, lived = Clock(), Shared(), list[bool]()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock)

    def crawl(stop: threading.Event) -> None:
        for _ in range(3):
            clock.pass_(timedelta(minutes=25))
            ticking._pulse.advance(bytes=1)
            lived.append(ticking.lives())
        clock.pass_(timedelta(minutes=31))
        lived.append(ticking.lives())

    work.during = crawl
    ticking.tick()
    assert lived == [True, True, True, False]
    assert ticking.lives()
    clock.pass_(timedelta(minutes=10))  # and no tick
    assert not ticking.lives()


@pytest.mark.parametrize("step", ["plans", "alerts", "backups"])
def test_a_tick_that_hangs_gives_no_sign_of_life_wherever_it_hangs(step: str) -> None:
    clock, shared, said, lived = Clock(), Shared(), list[str](), list[bool]()
    work = FakeWork("a", shared, clock)
    ticking, plans = daemon(work, clock, said), work.plans

    def hang() -> str:
        for minutes in (25, 360):
            clock.pass_(timedelta(minutes=minutes))
            before = len(work.beats)
            ticking.keep()
            lived.append(ticking.lives() and len(work.beats) > before)
        return ""

    def hanging_plans() -> Mapping[str, RunPlan]:
        hang()
        return plans()

    setattr(work, step, hanging_plans if step == "plans" else hang)
    ticking.tick()
    assert lived[:2] == [True, False]
    assert [line for line in said if "gets nowhere" in line] == [
        "error: what this service does gets nowhere; it gives no more sign of life"
    ] * (len(lived) // 2)
    ticking.keep()
    assert ticking.lives()


def test_a_large_backup_may_take_hours_without_a_word() -> None:
    clock, shared, lived = Clock(), Shared(), list[bool]()
    work = FakeWork("a", shared, clock)
    ticking = daemon(work, clock)

    def copy() -> str:
        clock.pass_(timedelta(hours=5))
        lived.append(ticking.lives())
        return ""

    work.backups = copy
    ticking.tick()
    assert lived == [True]


class RealWork(FakeWork):
    """By the real clock."""

    def __init__(self, shared: Shared) -> None:
        super().__init__("a", shared, lambda: datetime.now(UTC))


def real(work: FakeWork, said: list[str], *, settings: Callable[[], Settings] | None = None) -> Daemon:
    return Daemon(work, lambda: datetime.now(UTC), UTC, said.append, settings=settings)


def test_the_real_ticker_ticks_and_stops() -> None:
    """Once with APScheduler and the real clock."""
    shared, ran = Shared(), threading.Event()
    work = RealWork(shared)
    work.every = Every(interval=timedelta(seconds=1))
    work.during = lambda stop: ran.set() if len(shared.runs) >= 1 else None
    ticking = real(work, [])
    serving = threading.Thread(target=ticking.serve)
    serving.start()
    assert ran.wait(20), "it ran a second time, a second later"
    ticking.stop()
    serving.join(20)
    assert not serving.is_alive()
    assert shared.leader is None
    assert len(shared.runs) >= 2
    assert work.beats[-1] == (None, True)


def test_a_clock_set_back_does_not_keep_the_ticker_waiting() -> None:
    """APScheduler waits for a moment of the wall's clock; here its next tick lies a day ahead, as after such a step."""
    shared, said, ran = Shared(), list[str](), threading.Event()
    work, set_by = RealWork(shared), [timedelta(0)]
    ticking = Daemon(work, lambda: datetime.now(UTC) + set_by[0], UTC, said.append)
    serving = threading.Thread(target=ticking.serve)

    def alerts() -> str:
        ran.set()
        return ""

    work.alerts = alerts
    serving.start()
    assert ran.wait(20)
    with ticking._ticks:
        ran.clear()
        assert ticking._scheduler is not None
        ticking._scheduler.modify_job("tick", next_run_time=datetime.now(UTC) + timedelta(days=1))
        set_by[0] = timedelta(days=-1)
    assert ran.wait(20)
    ticking.stop()
    serving.join(20)
    assert sum("the clock was set back by" in line for line in said) == 1
    assert len(shared.runs) == 1


def test_a_run_that_hangs_does_not_keep_the_daemon_from_ending() -> None:
    shared, said, hangs, free = Shared(), list[str](), threading.Event(), threading.Event()
    work = RealWork(shared)

    def hang(stop: threading.Event) -> None:
        hangs.set()
        free.wait(60)

    work.during = hang
    ticking, let_go = real(work, said), list[bool]()
    serving = threading.Thread(target=lambda: let_go.append(ticking.serve()))
    serving.start()
    assert hangs.wait(20)
    ticking.stop()
    serving.join(9)
    free.set()
    assert let_go == [False]
    assert shared.leader is None and work.beats[-1] == (None, True)


def test_settings_are_read_again_and_bad_ones_leave_those_before(tmp_path: Path) -> None:
    (tmp_path / "preserve.toml").write_text(config.example(), encoding="utf-8")
    good, said = config.load(tmp_path / "preserve.toml"), list[str]()
    work, taken = RealWork(Shared()), threading.Event()

    def bad() -> Settings:
        raise SettingsError("max_age is no length of time", Path("preserve.toml"), 7, "write 90d")

    def alerts() -> str:
        if work.settings:
            taken.set()
        return ""

    answers: list[Callable[[], Settings]] = [bad, lambda: good]
    ticking = real(work, said, settings=lambda: answers.pop(0)())
    work.alerts = alerts
    serving = threading.Thread(target=ticking.serve)
    serving.start()
    ticking.reload()
    ticking.reload()
    assert taken.wait(20)
    ticking.stop()
    serving.join(20)
    assert work.settings == [good]
    assert any("those before hold: preserve.toml:7: max_age is no length of time" in line for line in said)
