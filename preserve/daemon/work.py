"""What the daemon needs of the application."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from config import Settings
from preserve.audit.schedule import RunPlan


class Work(Protocol):
    """`preserve.app.runs.Service` over a workspace. Called from several threads; one run at a time.

    Each method may raise PreserveError, of which the daemon tells, and tries again later.
    """

    def lead(self, ttl_seconds: float) -> bool:
        """Claims or renews the leadership for so long; False if another process has it."""
        ...

    def yield_lead(self) -> None: ...

    def plans(self) -> Mapping[str, RunPlan]:
        """By replica name: how often, and when last, by whomever; from the catalog, not from memory."""
        ...

    def run_due(self, replicas: tuple[str, ...], stop: threading.Event) -> str:
        """Reads what is due on these replicas, until `stop`; a sentence about what came of it."""
        ...

    def beat(self, next_run_at: datetime | None, *, goodbye: bool = False) -> None:
        """Leaves in the catalog that the daemon lives, and when it will begin the next run; during a run too.

        `goodbye`: that it ended because it was asked to.
        """
        ...

    def look_after(self, stop: threading.Event) -> str:
        """Sends what alerts are to be sent; a sentence about it, or nothing. Called at each tick."""
        ...

    def back_up_if_due(self) -> str:
        """Backs the catalog up, if the last day's work stands in no backup yet; a sentence about it, or nothing."""
        ...

    def reload(self, settings: Settings) -> None:
        """From now on works by these; called between runs only."""
        ...
