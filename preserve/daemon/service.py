"""`preserve serve`: one leader looks at the clock and runs what is due; the others stand by."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from config import Every
from preserve.daemon.timing import run_is_due, tick_seconds
from preserve.errors import PreserveError

LEAD_SECONDS = 60.0
_RENEW_SECONDS = 15.0


class Work(Protocol):
    """What the daemon needs of the application."""

    def lead(self, ttl_seconds: float) -> bool:
        """Claims or renews the leadership for so long; False if another process has it."""
        ...

    def yield_lead(self) -> None: ...

    def last_run_at(self) -> datetime | None:
        """When the last run for what was due began, by whomever; from the catalog, not from memory."""
        ...

    def run_due(self, stop: threading.Event) -> str:
        """Audits what is due, until `stop`; a sentence about what came of it."""
        ...

    def back_up_if_due(self) -> str:
        """Backs the catalog up, if the last day's work stands in no backup yet; a sentence about it, or nothing."""
        ...


class Daemon:
    """Ticks until stopped. A tick may come late or twice: what is to be done is asked of the catalog each time."""

    def __init__(
        self,
        work: Work,
        every: Every,
        clock: Callable[[], datetime],
        zone: tzinfo,
        say: Callable[[str], None],
    ) -> None:
        self._work = work
        self._every = every
        self._clock = clock
        self._zone = zone
        self._say = say
        self._stop = threading.Event()
        self._stop_run = threading.Event()
        self._leads: bool | None = None
        self._error = ""

    def serve(self) -> None:
        """Runs until `stop` is called, from a signal's handler or another thread."""
        scheduler = BackgroundScheduler(
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}, timezone=self._zone
        )
        ticking = IntervalTrigger(seconds=tick_seconds(self._every))
        scheduler.add_job(self.tick, ticking, id="tick", next_run_time=datetime.now(self._zone))
        scheduler.add_job(self._keep_lead, IntervalTrigger(seconds=_RENEW_SECONDS), id="lead")
        # A tick that comes while a run goes on is left out, as it should be; nobody has to read of it.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler.start()
        try:
            self._stop.wait()
        finally:
            self._stop.set()
            scheduler.shutdown(wait=True)
            if self._leads:
                self._work.yield_lead()
            self._say("stopped")

    def stop(self) -> None:
        """Ends `serve`; an audit that runs commits what it has and can be resumed."""
        self._stop.set()
        self._stop_run.set()

    def tick(self) -> None:
        """One look: if this process leads and a run is due, runs it."""
        try:
            if self._claim() and not self._stop.is_set():
                self._stop_run.clear()
                last = self._work.last_run_at()
                if run_is_due(self._every, last, self._clock(), self._zone):
                    self._say(self._work.run_due(self._stop_run))
                    self._back_up()
            self._error = ""
        except PreserveError as error:
            # The next tick tries again: a catalog that was locked or a disk that was full must not end the service.
            self._tell(f"error: {error.message} {error.remedy}".rstrip())
        except Exception as error:  # noqa: BLE001  a mistake of ours must not end it either, nor go unsaid
            self._tell(f"internal error: {type(error).__name__}: {error}; please report it")

    def _back_up(self) -> None:
        """After a run; what keeps it from being done is told at each, and keeps nothing else from being done."""
        if self._stop_run.is_set():
            return
        try:
            told = self._work.back_up_if_due()
        except PreserveError as error:
            told = f"the catalog was not backed up: {error.message} {error.remedy}".rstrip()
        if told:
            self._say(told)

    def _tell(self, told: str) -> None:
        """Says an error once, not at every tick."""
        if told != self._error:
            self._say(told)
            self._error = told

    def _claim(self) -> bool:
        leads = self._work.lead(LEAD_SECONDS)
        if leads != self._leads:
            self._say("reading what is due" if leads else "another `preserve serve` reads what is due; standing by")
            self._leads = leads
        return leads

    def _keep_lead(self) -> None:
        """Renews the lead during a long run; a lead that was lost ends the run, which another may have begun."""
        try:
            if self._leads and not self._work.lead(LEAD_SECONDS):
                self._leads = False
                self._stop_run.set()
        except PreserveError as error:
            self._tell(f"error: {error.message}")
