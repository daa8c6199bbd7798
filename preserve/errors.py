"""Errors of `preserve`: could not do the work. Damage is never an exception; it is a finding.

    PreserveError
    ├── UsageError          what was asked for cannot be meant           exit 2
    ├── CatalogError        there is no catalog that can serve           exit 2
    │   └── UnreadableError     it is damaged, busy, or its disk fails       exit 3
    └── UndeterminedError   it could not be found out, or not finished   exit 3
        └── StoppedError        it was asked to stop                         exit 3

The exit statuses stand in one table, `preserve.cli.exits`.
"""

LOOK_AT_CATALOG = "Look at the catalog: `preserve catalog check`; see docs/disaster.md."


class PreserveError(Exception):
    """Says what could not be done, and how to go on.

    Args:
        message: one sentence naming the file or thing.
        remedy: what the person can do now; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(PreserveError):
    """The command, its arguments or what they name cannot be worked with."""


class CatalogError(PreserveError):
    """The catalog is missing, damaged, busy for too long, or made by a newer program."""


class UnreadableError(CatalogError):
    """The catalog is there, and cannot be read or written: nothing could be found out."""


class UndeterminedError(PreserveError):
    """The work could not be brought to its end: unreachable, unreadable, full, or stopped."""


class StoppedError(UndeterminedError):
    """It was asked to stop before there was anything to tell."""
