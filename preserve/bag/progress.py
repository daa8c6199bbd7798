"""How far a long work has come, told to whoever shows it."""

from typing import Protocol


class Progress(Protocol):
    """Told from one thread; must not be slow."""

    def stage(self, name: str, files: int | None = None) -> None:
        """A stage of the work begins; `files` is how many it will handle, where that is known."""
        ...

    def advance(self, files: int, done_bytes: int) -> None:
        """So many more files and bytes are done."""
        ...


class Silent:
    """A progress that nobody looks at."""

    def stage(self, name: str, files: int | None = None) -> None: ...

    def advance(self, files: int, done_bytes: int) -> None: ...
