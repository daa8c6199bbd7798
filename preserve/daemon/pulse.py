"""Whether the service lives: it looks at the clock as it should, and a run that goes on gets somewhere."""

from collections.abc import Callable, Mapping

from preserve.daemon.timing import steady_seconds

# The longest that a run or a tick may get nowhere: a shard that hangs is given up after 10 minutes, and the next may
# hang too.
_STILL_SECONDS = 1800.0
BACKUP_SECONDS = 6 * 3600.0  # a large catalog, placed on slow replicas and read back, says nothing meanwhile
_LATE_TICKS = 10
_LATE_SECONDS = 120.0


class Pulse:
    """Told by the ticker and, as its `Progress`, by the run. Only numbers are stored, so any thread may tell."""

    def __init__(self, steady: Callable[[], float] = steady_seconds) -> None:
        self._steady = steady
        self._ticked_at = self._got_on_at = steady()
        self._patience = _STILL_SECONDS
        self._ticks = False

    def stage(
        self,
        name: str,
        *,
        files: int | None = None,
        bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
    ) -> None:
        self._got_on_at = self._steady()

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        if files or bytes:
            self._got_on_at = self._steady()

    def expect(self, bytes: int, *, replica: str = "") -> None:
        self._got_on_at = self._steady()

    def at(self, what: str) -> None:
        self._got_on_at = self._steady()

    def found(self, findings: int = 1, *, replica: str = "") -> None:
        self._got_on_at = self._steady()

    def ticking(self, ticks: bool) -> None:
        """A tick begins, or has ended."""
        self._ticks, self._ticked_at = ticks, self._steady()
        self.step()

    def step(self, patience_seconds: float = _STILL_SECONDS) -> None:
        """A tick goes on to what may take so long without a word."""
        self._got_on_at, self._patience = self._steady(), patience_seconds

    def beats(self, tick_seconds: float) -> bool:
        """Whether all is as it should be."""
        now = self._steady()
        if self._ticks:
            return now - self._got_on_at < self._patience
        return now - self._ticked_at < max(_LATE_SECONDS, _LATE_TICKS * tick_seconds)
