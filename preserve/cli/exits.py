"""The one table from the class of an error to the exit status.

0 all that was asked was done and is good; 1 damage or an invalid package; 2 the command or its settings are wrong;
3 it could not be determined; 130 interrupted. Where 1 and 3 both hold, 1.
"""

from collections.abc import Mapping
from types import MappingProxyType

import click

from checks.evidence import Outcome
from checks.ports import StoreError
from config import SettingsError
from preserve.errors import CatalogError, UndeterminedError, UnreadableError, UsageError

GOOD, DAMAGE, WRONG, UNDETERMINED, INTERRUPTED = 0, 1, 2, 3, 130

# The first class that fits decides.
STATUSES: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, WRONG),
    (SettingsError, WRONG),
    (UnreadableError, UNDETERMINED),
    (CatalogError, WRONG),
    (UndeterminedError, UNDETERMINED),
    (StoreError, UNDETERMINED),
    (OSError, UNDETERMINED),
    (KeyboardInterrupt, INTERRUPTED),
    (click.Abort, INTERRUPTED),  # Ctrl-C at a question
    (click.ClickException, WRONG),
    (BaseException, UNDETERMINED),  # a mistake of ours: it says nothing of the files
)

OUTCOMES: Mapping[Outcome, int] = MappingProxyType(
    {Outcome.PASS: GOOD, Outcome.FAIL: DAMAGE, Outcome.INCONCLUSIVE: UNDETERMINED}
)


def status_of(error: BaseException) -> int:
    """The exit status that stands for this error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))
