"""How far a long work has come, told to whoever shows it."""

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Told from any thread, for every file; must not be slow. `replica` names where it was, if that is of interest."""

    def stage(
        self,
        name: str,
        *,
        files: int | None = None,
        bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
    ) -> None:
        """A stage of the work begins; how many files and bytes, and bytes by replica, it will handle, where known."""
        ...

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        """So many more files and bytes are done."""
        ...

    def expect(self, bytes: int, *, replica: str = "") -> None:
        """So many more bytes are to be done than was said, such as those of what is read a second time."""
        ...

    def at(self, what: str) -> None:
        """What it is at now, in a few words; no new stage."""
        ...

    def found(self, findings: int = 1, *, replica: str = "") -> None:
        """So many more findings."""
        ...


class Silent:
    """A progress that nobody looks at."""

    def stage(
        self,
        name: str,
        *,
        files: int | None = None,
        bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
    ) -> None: ...

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None: ...

    def expect(self, bytes: int, *, replica: str = "") -> None: ...

    def at(self, what: str) -> None: ...

    def found(self, findings: int = 1, *, replica: str = "") -> None: ...


class Forwarding:
    """A progress that hands all on to another one, for those that change a little of it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(
        self,
        name: str,
        *,
        files: int | None = None,
        bytes: int | None = None,
        replicas: Mapping[str, int] | None = None,
    ) -> None:
        self._progress.stage(name, files=files, bytes=bytes, replicas=replicas)

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        self._progress.advance(files=files, bytes=bytes, replica=replica)

    def expect(self, bytes: int, *, replica: str = "") -> None:
        self._progress.expect(bytes, replica=replica)

    def at(self, what: str) -> None:
        self._progress.at(what)

    def found(self, findings: int = 1, *, replica: str = "") -> None:
        self._progress.found(findings, replica=replica)
