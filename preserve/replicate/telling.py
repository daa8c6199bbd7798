"""How far a file has come, told to whoever counts bytes."""

from collections.abc import Callable


class Told:
    """What was told of a file's bytes: none of them twice, however often it is begun anew."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._told = self._now = 0

    def begin(self) -> None:
        self._now = 0

    def more(self, count: int) -> None:
        self._now += count
        if self._now > self._told:
            self._tell(self._now - self._told)
            self._told = self._now
