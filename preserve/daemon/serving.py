"""`preserve serve`: the daemon over a workspace, its signals and its metrics."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from types import FrameType

from tzlocal import get_localzone

import config
from config import Settings
from preserve.app.alerts import addresses
from preserve.app.health import down, metrics, no_metrics
from preserve.app.runs import Service
from preserve.app.workspace import Workspace
from preserve.daemon.announcing import announcement
from preserve.daemon.metrics import MetricsServer
from preserve.daemon.notifying import Notifier
from preserve.daemon.pulse import Pulse
from preserve.daemon.service import Daemon
from preserve.errors import PreserveError, UsageError

_LAST_RESORT_SECONDS = 9.5  # after which the kernel ends a process that was asked to end and hangs
_WAY_OUT_SECONDS = 1.0


def serve(workspace: Workspace, say: Callable[[str], None]) -> None:
    """Keeps the schedule until SIGTERM, which is a service's usual end, or Ctrl-C; SIGHUP reads the settings again.

    Where a thread hangs in a read that does not return, the process is ended here, and this does not return either.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
    """
    zone = workspace.settings.time_zone or get_localzone()

    def stamped(message: str) -> None:
        with suppress(OSError):  # a log that cannot be written must keep no archive from being read
            say(f"{datetime.now(zone):%Y-%m-%d %H:%M:%S} {message}")

    pulse = Pulse()
    work = Service(workspace, pulse)
    daemon = Daemon(
        work,
        workspace.clock,
        zone,
        stamped,
        settings=lambda: _settings_again(workspace),
        announce=lambda: announcement(workspace.settings, work.plans(), workspace.clock(), zone),
        notifier=Notifier.from_environment(os.environ),
        pulse=pulse,
    )
    problem = addresses(workspace.settings).problem
    if problem is not None:
        stamped(f"error: alerts cannot go out: {problem}")
    with _metrics(workspace, stamped), _heard(daemon) as heard:
        let_go = daemon.serve()
    if not let_go or _left_behind():
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(130 if signal.SIGINT in heard else 0)
    if signal.SIGINT in heard:
        raise KeyboardInterrupt


def _settings_again(workspace: Workspace) -> Settings:
    settings = config.load(workspace.settings.path)
    if settings.catalog.path != workspace.settings.catalog.path:
        raise UsageError("they name another catalog", remedy="Start the service again to work with that one.")
    return settings


@contextmanager
def _metrics(workspace: Workspace, say: Callable[[str], None]) -> Iterator[None]:
    """Metrics, if they are asked for. That nobody can be told how the archive is is no reason not to read it."""
    asked = workspace.settings.serve.metrics
    if asked is None:
        yield
        return
    try:
        server = MetricsServer(*asked, lambda: metrics(workspace), say, down())
    except PreserveError as error:
        say(f"error: {error.message} {error.remedy}")
        with suppress(PreserveError):  # a catalog that cannot be written is told at the first tick
            no_metrics(workspace, error.message)
        yield
        return
    say(f"metrics: http://{asked[0] if ':' not in asked[0] else f'[{asked[0]}]'}:{server.port}/metrics")
    try:
        yield
    finally:
        server.close()


@contextmanager
def _heard(daemon: Daemon) -> Iterator[set[int]]:
    """What signals ask for goes to the daemon; which asked for an end is in the set.

    The handlers only put into a queue: one that took a lock could wait for the very thread that it interrupted.
    A signal that the caller ignores, as `nohup` does with SIGHUP, stays ignored.
    """
    heard: set[int] = set()

    def end(number: int, _: FrameType | None) -> None:
        if not heard:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, _LAST_RESORT_SECONDS)
        heard.add(number)
        daemon.stop()

    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: lambda *_: daemon.reload()}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield heard
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before if handler_before is not None else signal.SIG_DFL)


def _left_behind() -> bool:
    """Whether threads are left that the interpreter would wait for at its end."""
    until = time.monotonic() + _WAY_OUT_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                return True
    return False
