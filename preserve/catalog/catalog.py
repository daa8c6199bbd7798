"""The catalog as the services see it. Importing this imports SQLAlchemy: do it when a catalog is needed."""

from datetime import UTC, datetime
from os import PathLike
from types import TracebackType
from typing import Self

from preserve.catalog.acts import Acts
from preserve.catalog.asking import Asking
from preserve.catalog.audits import Audits
from preserve.catalog.backing import Backing
from preserve.catalog.checking import Checking
from preserve.catalog.copies import Copies
from preserve.catalog.due import Due
from preserve.catalog.findings import Findings
from preserve.catalog.freezing import Freezing
from preserve.catalog.holding import Holding
from preserve.catalog.intake import Intake
from preserve.catalog.integrity import Integrity
from preserve.catalog.journal import Journal
from preserve.catalog.leases import Leases
from preserve.catalog.measuring import Measuring
from preserve.catalog.opening import create_database, prepare_database
from preserve.catalog.packages import Packages
from preserve.catalog.reconciling import Reconciling
from preserve.catalog.removal import Removal
from preserve.catalog.searching import Searching
from preserve.catalog.status import Status
from preserve.catalog.watching import Watching


class Catalog(
    Intake,
    Packages,
    Searching,
    Holding,
    Copies,
    Acts,
    Freezing,
    Removal,
    Reconciling,
    Audits,
    Leases,
    Checking,
    Due,
    Asking,
    Measuring,
    Watching,
    Findings,
    Status,
    Journal,
    Backing,
    Integrity,
):
    """One catalog file. Safe to use from several threads; each call is a transaction of its own.

    Every call may raise CatalogError: the file is damaged, in use for too long, or cannot be written.
    """

    @classmethod
    def create(cls, path: str | bytes | PathLike[str], at: datetime | None = None) -> Self:
        """Makes an empty catalog; CatalogError if something stands at that path or it cannot be made."""
        catalog = cls(path, create=True)
        create_database(catalog, at or datetime.now(UTC))
        return catalog

    @classmethod
    def open(cls, path: str | bytes | PathLike[str]) -> Self:
        """Opens a catalog and brings it up to date.

        CatalogError if it is missing, is no catalog, or was made by a newer program: that is left as it is.
        """
        catalog = cls(path)
        prepare_database(catalog)
        return catalog

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
