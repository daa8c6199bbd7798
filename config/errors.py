"""The one error of the settings: where it stands, and what to write instead."""

from pathlib import Path

_KHMER_SPACE = "\u200b"
_MOST_SHOWN = 100


class SettingsError(Exception):
    """The settings cannot be found, read or meant.

    Args:
        message: one sentence.
        path: the settings file, where there is one.
        line: counted from 1; None where no single line is to blame.
        remedy: what to write or do instead; may be empty.
    """

    def __init__(self, message: str, path: Path | None = None, line: int | None = None, remedy: str = "") -> None:
        self.message = visible(message)
        super().__init__(self.message)
        self.path = path
        self.line = line
        self.remedy = visible(remedy)

    def __str__(self) -> str:
        """`file:line: message`, as editors understand it."""
        if self.path is None:
            return self.message if self.line is None else f"line {self.line}: {self.message}"
        place = visible(str(self.path)) + ("" if self.line is None else f":{self.line}")
        return f"{place}: {self.message}"


def visible(text: str) -> str:
    """Text from the settings as it may be shown: what a terminal would obey, or not show, becomes codes.

    Khmer keeps its spaces of no width between words.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character == _KHMER_SPACE
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def cut(text: str) -> str:
    """Of a long text the beginning."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


class ValueProblem(ValueError):
    """A single value that cannot be meant, before it is known where it stands.

    `key`: which of a table's keys is to blame, where several were judged together.
    """

    def __init__(self, message: str, remedy: str = "", key: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.key = key
