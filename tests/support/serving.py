"""`preserve serve` as a process of its own, with the disturbances that a test asks for."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from preserve.catalog.rows import AuditRow
from tests.support.workspaces import PlacedWorkspace

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 60.0


class Served:
    """A running daemon; a context manager that kills it if the test has not ended it.

    Args:
        module: of `tests.support`, run instead of `preserve`: it may disturb the process before it goes on with it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        module: str = "preserve",
        environment: Mapping[str, str] | None = None,
        name: str = "serve",
    ) -> None:
        self._log = folder / f"{name}.log"
        self._from = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "serve", "--config", str(folder / "preserve.toml")],
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def told(self) -> str:
        """What this process has said so far."""
        return self._log.read_bytes()[self._from :].decode("utf-8", "replace")

    def says(self, words: str, within: float = _PATIENCE_SECONDS) -> float:
        """Waits until it has said something; after how many seconds. AssertionError if it ends or takes too long."""
        begun = time.monotonic()
        while words not in self.told:
            assert self.process.poll() is None, f"it ended and never said {words!r}:\n{self.told}"
            assert time.monotonic() - begun < within, f"it never said {words!r}:\n{self.told}"
            time.sleep(0.02)
        return time.monotonic() - begun

    def lives_for(self, seconds: float) -> None:
        """Lets it work for so long; AssertionError if it ends by itself."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(f"it ended by itself with {status}:\n{self.told}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Asks it to end; its exit status and after how many seconds."""
        begun = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(_PATIENCE_SECONDS)
        return status, time.monotonic() - begun

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def set_audit(folder: Path, **values: str) -> None:
    """Changes or adds lines of the table [audit]."""
    path = folder / "preserve.toml"
    text = path.read_text(encoding="utf-8")
    for key, value in values.items():
        text = re.sub(rf"(?m)^{key} = .*\n", "", text)
        text = text.replace("[audit]\n", f'[audit]\n{key} = "{value}"\n', 1)
    path.write_text(text, encoding="utf-8")


def audits_of(placed: PlacedWorkspace) -> list[AuditRow]:
    """All audits for what is due, the first first."""
    with placed.open() as workspace:
        return sorted((row for row in workspace.catalog.audits() if row.scope.get("due")), key=lambda row: row.id)


def forget_readings(placed: PlacedWorkspace) -> int:
    """Makes every shard of every copy one that was never read, and so is due; how many there are."""
    with placed.open() as workspace, workspace.catalog.writing() as connection:
        return connection.exec_driver_sql("UPDATE shard_state SET read_at = NULL, read_medium_at = NULL").rowcount


def until(what: str, holds: Callable[[], object], within: float = _PATIENCE_SECONDS) -> None:
    """Waits until a condition holds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
