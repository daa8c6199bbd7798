"""`preserve serve`: one leader looks at the clock and runs what is due; the others stand by."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from queue import Empty, SimpleQueue

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from checks.ports import StoreError
from config import Settings, SettingsError
from preserve.audit.schedule import due_now, next_run
from preserve.daemon.notifying import Notifier
from preserve.daemon.pulse import BACKUP_SECONDS, Pulse
from preserve.daemon.timing import Attempts, ClockWatch, LastRuns, steady_seconds, tick_seconds
from preserve.daemon.work import Work
from preserve.errors import PreserveError, UndeterminedError

LEAD_SECONDS = 60.0
_RENEW_SECONDS = 15.0
_LOOK_FOR_LEAD_SECONDS = 3.0
_END_SECONDS = 6.0  # for a run to let go; with the goodbye and the way out it stays under ten
_GOODBYE_SECONDS = 2.0


class Daemon:
    """Ticks until stopped. A tick may come late or twice: what is to be done is asked of the catalog each time.

    Args:
        clock: the wall's, aware UTC.
        zone: in which cron lines are meant.
        say: one line of the log; called from several threads.
        settings: reads them again, for `reload`; whatever it raises leaves the old ones as they are.
        announce: lines that tell what will be done when.
        steady: seconds by a clock that nobody sets.
    """

    def __init__(
        self,
        work: Work,
        clock: Callable[[], datetime],
        zone: tzinfo,
        say: Callable[[str], None],
        *,
        settings: Callable[[], Settings] | None = None,
        announce: Callable[[], Iterable[str]] = lambda: (),
        notifier: Notifier | None = None,
        pulse: Pulse | None = None,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._work, self._clock, self._zone, self._say = work, clock, zone, say
        self._settings, self._announce = settings, announce
        self._notifier, self._pulse, self._steady = notifier or Notifier(), pulse or Pulse(steady), steady
        # Signals' handlers put into this queue, which is safe within itself; an Event or a Lock is not.
        self._asked: SimpleQueue[str] = SimpleQueue()
        self._stopping, self._stop_run = threading.Event(), threading.Event()
        self._look_again = threading.Event()
        self._ticks, self._claims = threading.Lock(), threading.Lock()
        self._leads: bool | None = None
        self._renewed_at = self._beaten_at = float("-inf")
        self._new_settings: Settings | None = None
        self._next_run_at: datetime | None = None
        self._tick_seconds = tick_seconds(())
        self._last_runs, self._attempts = LastRuns(steady), Attempts(self._tick_seconds, steady)
        self._told: dict[str, str] = {}
        self._scheduler: BackgroundScheduler | None = None

    def stop(self) -> None:
        """Ends `serve`; an audit that runs commits what it has. From any thread or a signal's handler."""
        self._asked.put("stop")

    def reload(self) -> None:
        """Reads the settings again. From any thread or a signal's handler."""
        self._asked.put("reload")

    def serve(self) -> bool:
        """Runs until `stop`. True if all let go in time; else a thread hangs, and the process has to be ended."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick left out during a run is as it should be
        self._scheduler = BackgroundScheduler(
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}, timezone=self._zone
        )
        now = datetime.now(self._zone)
        self._scheduler.add_job(self.tick, IntervalTrigger(seconds=self._tick_seconds), id="tick", next_run_time=now)
        self._scheduler.add_job(self.keep, IntervalTrigger(seconds=_LOOK_FOR_LEAD_SECONDS), id="keep")
        try:
            with self._guarded("plans"):
                for line in self._announce():
                    self._say(line)
            clock = ClockWatch(self._clock, self._steady)  # before the first tick: a step during it is noticed, too
            self._scheduler.start()
            self._notifier.ready("looking what is due")
            self._watch(clock)
        finally:
            let_go = self._end(self._scheduler)
        return let_go

    def tick(self) -> None:
        """One look: if this process leads, runs what is due and looks after the rest."""
        with self._ticks:
            self._pulse.ticking(True)
            try:
                self._look()
                while self._look_again.is_set() and not self._stopping.is_set():
                    self._look()  # it was asked for meanwhile
            finally:
                self._pulse.ticking(False)

    def _look(self) -> None:
        self._look_again.clear()
        self._stop_run.clear()
        with self._guarded("lead"):
            self._claim()
        if self._leads and not self._stopping.is_set():
            with self._guarded("run"):
                self._take_settings()
                self._run_due()
            self._pulse.step()
            with self._guarded("alerts"):
                self._tell(self._work.look_after(self._stop_run))

    def keep(self) -> None:
        """Keeps the lead and the heart beating during a long run; or, standing by, takes over from a leader that died.

        A lead that was lost ends the run, which another may have begun.
        """
        if self._stopping.is_set():
            return
        with self._guarded("keeping the lead"):
            if not self._leads:
                if self._claim():
                    self._tick_now()
            elif not self.lives():  # then who stands by takes over, and `preserve watch` misses the heartbeat
                raise UndeterminedError("what this service does gets nowhere; it gives no more sign of life")
            elif self._steady() - self._renewed_at >= _RENEW_SECONDS and not self._claim():
                self._stop_run.set()
            # Apart from the lead, which every tick renews: ticks that come often must not keep the heart from beating.
            if self._leads and self._steady() - self._beaten_at >= _RENEW_SECONDS:
                self._beat()

    def _claim(self) -> bool:
        with self._claims:
            leads = self._work.lead(LEAD_SECONDS)
            if leads != self._leads:
                told = (
                    "leads: reads what is due when it is due"
                    if leads
                    else "another `preserve serve` reads what is due; standing by"
                )
                self._say(told)
                self._notifier.status(told)
            begins, self._leads = leads and not self._leads, leads
            self._renewed_at = self._steady()
        if begins:
            self._beat()
        return leads

    def _beat(self) -> None:
        self._work.beat(self._next_run_at)
        self._beaten_at = self._steady()

    def _run_due(self) -> None:
        now = self._clock()
        recorded = self._work.plans()
        plans = self._last_runs.true(recorded, now)
        self._next_run_at = min((next_run(plan, now, self._zone) for plan in plans.values()), default=None)
        self._set_tick(tick_seconds(plan.every for plan in plans.values()))
        due = self._attempts.ready(due_now(plans, now, self._zone))
        if not due:
            return
        self._notifier.status(f"reading {', '.join(due)}")
        self._pulse.step()
        try:
            told = self._work.run_due(due, self._stop_run)
        except Exception:
            self._attempts.failed(due)
            raise
        self._tell(told)
        if self._stop_run.is_set():
            return
        after = self._work.plans()
        in_vain = {n for n in due if n in after and _no_further(after[n].last_run_at, recorded[n].last_run_at)}
        in_vain |= {n for n in due if n in after and after[n].asked}  # else what cannot be read is read at each tick
        self._attempts.failed(in_vain)
        self._attempts.succeeded(set(due) - in_vain)
        plans = self._last_runs.true(after, self._clock())
        self._next_run_at = min((next_run(plan, self._clock(), self._zone) for plan in plans.values()), default=None)
        if self._next_run_at is not None:
            self._notifier.status(f"next run {self._next_run_at.astimezone(self._zone):%Y-%m-%d %H:%M}")
        self._pulse.step(BACKUP_SECONDS)
        with self._guarded("backup", "the catalog was not backed up"):
            self._tell(self._work.back_up_if_due())

    def _take_settings(self) -> None:
        settings, self._new_settings = self._new_settings, None
        if settings is not None:
            self._work.reload(settings)
            for line in self._announce():
                self._say(line)

    def _watch(self, clock: ClockWatch) -> None:
        """The main thread: hears what is asked, tells systemd that the service lives, notices clocks that are set."""
        told_alive_at = float("-inf")
        while True:
            with suppress(Empty):
                asked = self._asked.get(timeout=1.0)
                if asked == "stop":
                    return
                self._read_settings()
            moved = clock.moved()
            if moved is not None:
                self._say(f"the clock was set {'back' if moved < timedelta(0) else 'forward'} by {abs(moved)}")
                self._tick_now()
            within = self._notifier.watchdog_seconds
            if within is not None and self._steady() - told_alive_at >= within / 3 and self.lives():
                self._notifier.alive()
                told_alive_at = self._steady()

    def lives(self) -> bool:
        """Whether the clock is looked at and a run, if there is one, gets somewhere."""
        return self._pulse.beats(self._tick_seconds)

    def _read_settings(self) -> None:
        if self._settings is None:
            return
        try:
            self._new_settings = self._settings()
        except (PreserveError, SettingsError, OSError) as error:
            self._say(f"the settings were not taken, those before hold: {_words(error)}")
        else:
            self._say("the settings were read again; they hold from the next run on")
            self._tick_now()

    def _tick_now(self) -> None:
        """Jobs wait for a moment of the wall's clock: one that was set back would keep them waiting."""
        self._look_again.set()
        if self._scheduler is not None and self._scheduler.running:
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=datetime.now(self._zone))

    def _set_tick(self, seconds: float) -> None:
        if seconds != self._tick_seconds and self._scheduler is not None and self._scheduler.running:
            self._scheduler.reschedule_job("tick", trigger=IntervalTrigger(seconds=seconds))
        self._tick_seconds = seconds

    def _end(self, scheduler: BackgroundScheduler) -> bool:
        """Lets go of the run and of the lead, within seconds, whatever hangs."""
        self._notifier.stopping()
        self._stopping.set()
        self._stop_run.set()
        if scheduler.running:
            scheduler.shutdown(wait=False)
        let_go = self._ticks.acquire(timeout=_END_SECONDS)
        goodbye = threading.Thread(target=self._say_goodbye, name="goodbye", daemon=True)
        goodbye.start()
        goodbye.join(_GOODBYE_SECONDS)
        let_go = let_go and not goodbye.is_alive()
        self._say("stopped" if let_go else "stopped; something that does not answer was left behind")
        return let_go

    def _say_goodbye(self) -> None:
        if self._leads:
            with self._guarded("goodbye"):
                self._work.beat(None, goodbye=True)
            with self._guarded("goodbye"):
                self._work.yield_lead()

    @contextmanager
    def _guarded(self, step: str, lead_in: str = "error") -> Iterator[None]:
        """The next tick tries again: a locked catalog or a full disk must not end the service, nor go unsaid.

        The same error is told once, not at every tick.
        """
        try:
            yield
        except (PreserveError, SettingsError, StoreError, OSError) as error:
            told = f"{lead_in}: {_words(error)}"
        except Exception as error:  # noqa: BLE001  a mistake of ours must not end it either
            told = f"internal error: {type(error).__name__}: {error}; please report it"
        else:
            told = ""
        if told and told != self._told.get(step):
            self._say(told)
        self._told[step] = told

    def _tell(self, told: str) -> None:
        if told:
            self._say(told)


def _no_further(after: datetime | None, before: datetime | None) -> bool:
    """Whether the run that just ended does not count as the last one."""
    return after == before


def _words(error: Exception) -> str:
    if isinstance(error, PreserveError):
        return f"{error.message} {error.remedy}".rstrip()
    if isinstance(error, SettingsError):
        return f"{error} {error.remedy}".rstrip()
    return f"{type(error).__name__}: {error}"
