"""How far a long work has come, told to whoever shows it."""

from typing import Protocol


class Progress(Protocol):
    """Told from any thread, for every file; must not be slow."""

    def stage(self, name: str, *, files: int | None = None, bytes: int | None = None) -> None:
        """A stage of the work begins; how many files and bytes it will handle, where that is known."""
        ...

    def advance(self, *, files: int = 0, bytes: int = 0) -> None:
        """So many more files and bytes are done."""
        ...

    def found(self, findings: int = 1) -> None:
        """So many more findings."""
        ...


class Silent:
    """A progress that nobody looks at."""

    def stage(self, name: str, *, files: int | None = None, bytes: int | None = None) -> None: ...

    def advance(self, *, files: int = 0, bytes: int = 0) -> None: ...

    def found(self, findings: int = 1) -> None: ...
