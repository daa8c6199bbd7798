"""The one error of this package."""


class PremisError(Exception):
    """A document cannot be parsed as PREMIS 3.0, or what was to be written cannot stand in one.

    What is wrong inside a document that can be parsed is no error; `premis.validation` yields it as a `Problem`.
    """

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line
