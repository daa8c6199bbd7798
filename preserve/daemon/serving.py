"""`preserve serve`: the daemon over a workspace."""

import signal
from collections.abc import Callable
from datetime import datetime

from tzlocal import get_localzone

from preserve.app.audits import DueWork
from preserve.app.workspace import Workspace
from preserve.daemon.service import Daemon
from preserve.progress import Silent


def serve(workspace: Workspace, say: Callable[[str], None]) -> None:
    """Keeps the schedule until SIGTERM, which is a service's usual end, or Ctrl-C."""
    zone = get_localzone()

    def stamped(message: str) -> None:
        say(f"{datetime.now(zone):%Y-%m-%d %H:%M:%S} {message}")

    work = DueWork(workspace, Silent())  # a log is told what came of a run, not how far it is
    daemon = Daemon(work, workspace.settings.audit.every, workspace.clock, zone, stamped)
    signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
    daemon.serve()
