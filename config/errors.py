"""The one error of the settings: where it stands, and what to write instead."""

from pathlib import Path


class SettingsError(Exception):
    """The settings cannot be found, read or meant.

    Args:
        message: one sentence.
        path: the settings file, where there is one.
        line: counted from 1; None where no single line is to blame.
        remedy: what to write or do instead; may be empty.
    """

    def __init__(self, message: str, path: Path | None = None, line: int | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.remedy = remedy

    def __str__(self) -> str:
        """`file:line: message`, as editors understand it."""
        if self.path is None:
            return self.message if self.line is None else f"line {self.line}: {self.message}"
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}"


class ValueProblem(ValueError):
    """A single value that cannot be meant, before it is known where it stands."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
