"""Clocks that are set, works that fail, and how often to look: by clocks that the test moves."""

from datetime import UTC, datetime, timedelta

from config import Every
from preserve.audit.schedule import RunPlan, due_now
from preserve.daemon.timing import Attempts, ClockWatch, LastRuns, tick_seconds

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = Every(interval=timedelta(days=1))


class Always:
    def is_open(self, now: datetime) -> bool:
        return True

    def next_open(self, now: datetime) -> datetime:
        return now

    def opened_at(self, now: datetime) -> datetime | None:
        return None


class Clocks:
    """The wall's, which can be set, and the steady one."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 1000.0

    def pass_(self, time: timedelta) -> None:
        self.wall += time
        self.steady += time.total_seconds()


def plans(last: datetime | None) -> dict[str, RunPlan]:
    return {"nas": RunPlan(name="nas", every=DAILY, hours=Always(), grace=HOUR, last_run_at=last)}


def test_the_clock_is_looked_at_often_enough() -> None:
    assert tick_seconds([DAILY]) == 30
    assert tick_seconds([DAILY, Every(interval=timedelta(seconds=1))]) == 0.25
    assert tick_seconds([Every(cron="0 2 * * *")]) == 30
    assert tick_seconds([]) == 30


def test_a_clock_that_is_set_is_noticed_once() -> None:
    clocks = Clocks()
    watch = ClockWatch(lambda: clocks.wall, lambda: clocks.steady)
    clocks.pass_(HOUR)
    assert watch.moved() is None
    clocks.wall -= timedelta(days=1)
    assert watch.moved() == -timedelta(days=1)
    assert watch.moved() is None


def test_a_clock_that_creeps_away_is_noticed_too() -> None:
    clocks = Clocks()
    watch = ClockWatch(lambda: clocks.wall, lambda: clocks.steady)
    told = []
    for _ in range(10):
        clocks.pass_(HOUR)
        clocks.wall += timedelta(seconds=1)
        told.append(watch.moved())
    assert [one for one in told if one] == [timedelta(seconds=6)]


def test_a_clock_set_back_after_a_run_neither_repeats_nor_delays_it() -> None:
    clocks = Clocks()
    runs = LastRuns(lambda: clocks.steady)
    last = clocks.wall
    assert due_now(runs.true(plans(last), clocks.wall), clocks.wall) == ()
    clocks.wall -= timedelta(days=1)
    clocks.pass_(23 * HOUR)
    assert due_now(runs.true(plans(last), clocks.wall), clocks.wall) == ()
    clocks.pass_(HOUR)
    assert due_now(runs.true(plans(last), clocks.wall), clocks.wall) == ("nas",)


def test_a_last_run_in_the_future_of_which_nothing_is_known_is_due() -> None:
    clocks = Clocks()
    assert due_now(LastRuns(lambda: clocks.steady).true(plans(NOON + HOUR), NOON), NOON) == ("nas",)


def test_a_run_keeps_its_age_from_before_the_daemon_began() -> None:
    clocks = Clocks()
    runs = LastRuns(lambda: clocks.steady)
    last = NOON - 20 * HOUR
    assert due_now(runs.true(plans(last), clocks.wall), clocks.wall) == ()
    clocks.wall -= timedelta(days=400)
    clocks.pass_(4 * HOUR)
    assert due_now(runs.true(plans(last), clocks.wall), clocks.wall) == ("nas",)


def test_what_fails_is_tried_again_soon_and_then_ever_less_often() -> None:
    clocks = Clocks()
    attempts = Attempts(30.0, lambda: clocks.steady)
    begun = 0
    for _ in range(24 * 120):  # a day, a look each half minute
        if attempts.ready(["nas"]):
            begun += 1
            attempts.failed(["nas"])
        clocks.pass_(timedelta(seconds=30))
    assert 90 <= begun <= 110
    assert attempts.ready(["disk"]) == ("disk",)
    attempts.succeeded(["nas"])
    assert attempts.ready(["nas"]) == ("nas",)
