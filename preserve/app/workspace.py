"""A workspace: the settings, the catalog and the stores that belong together, opened for one command."""

import getpass
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import config
from checks.evidence import Evidence
from checks.hours import Hours
from checks.policy import MassChange, Promise
from checks.ports import UnavailableError
from config import Settings
from preserve.audit.policies import SettingsPolicies
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import PackageRow, ReplicaRow
from preserve.errors import UsageError
from preserve.stores.durable import write_durably
from preserve.stores.identity import NO_IDENTITY
from preserve.stores.local import LocalStore

SETTINGS_NAME = "preserve.toml"


def utc_now() -> datetime:
    """The clock of all that is recorded."""
    return datetime.now(UTC)


def operator() -> str:
    """Who runs the command, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


class Workspace:
    """Settings and an open catalog; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = Catalog.open(settings.catalog.path)
        self.clock = utc_now

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.catalog.close()

    @property
    def required(self) -> Evidence:
        """The least evidence for PASS, by the settings."""
        return Evidence.from_label(self.settings.audit.evidence)

    @property
    def promise(self) -> Promise:
        return Promise(max_age=self.settings.audit.max_age, target_age=self.settings.audit.target_age)

    @property
    def policies(self) -> SettingsPolicies:
        """What is promised and allowed, by collection and replica."""
        return SettingsPolicies(self.settings)

    def hours(self, replica: str) -> Hours:
        """When a replica may be read."""
        return self.policies.hours(replica)

    @property
    def mass_change(self) -> MassChange:
        """What freezes a replica, by the settings."""
        settings = self.settings.repair
        return MassChange(share=settings.mass_change_share, least_files=settings.mass_change_files)

    def stores(self) -> dict[int, LocalStore]:
        """A store for each replica that the catalog knows and the settings name, by the replica's id."""
        configured = self.settings.replicas
        return {
            replica.id: LocalStore(configured[replica.name].root)
            for replica in self.catalog.replicas()
            if replica.name in configured
        }

    def stores_there(self) -> dict[int, LocalStore]:
        """The stores of replicas that are there now, by the replica's id."""
        stores = self.stores()
        return {
            replica.id: stores[replica.id]
            for replica in self.catalog.replicas()
            if replica.id in stores and presence(stores[replica.id], replica).there
        }

    def replicas(self, names: tuple[str, ...] = ()) -> list[ReplicaRow]:
        """The replicas of those names, or all; UsageError names one that is not known."""
        known = {replica.name: replica for replica in self.catalog.replicas()}
        for name in names:
            if name not in known:
                raise UsageError(
                    f"no replica is called {name}",
                    remedy=f"Known are: {', '.join(known)}."
                    if known
                    else "Add one with `preserve replica add NAME PATH`.",
                )
        return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())

    def packages(self, identifiers: tuple[str, ...] = ()) -> list[PackageRow]:
        """The packages of those identifiers, or all."""
        return self.catalog.packages(identifiers or None)


def init(folder: Path) -> Path:
    """Makes `preserve.toml` and an empty catalog in a folder, which may have other things in it.

    Returns:
        the settings file.

    Raises:
        UsageError: there is a workspace already.
    """
    path = folder / SETTINGS_NAME
    if path.exists():
        settings = config.load(path)
        if settings.catalog.path.exists():
            raise UsageError(f"{path} is there already", remedy="Work with it, or choose another folder.")
        if settings.replicas:
            raise UsageError(
                f"{path} names replicas, so there was a catalog; it is not at {settings.catalog.path}",
                remedy="Make it again with `preserve catalog rebuild`; see docs/disaster.md.",
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        # The catalog last: a killed `init` leaves settings without a catalog, and the next one goes on.
        write_durably(os.fsencode(path), config.example().encode("utf-8"))
        settings = config.load(path)
    settings.catalog.path.parent.mkdir(parents=True, exist_ok=True)
    Catalog.create(settings.catalog.path).close()
    return path


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a replica can be worked with now. Another disk in its place is never what `offline` allows.

    `unnamed`: a folder is there without an identity: an empty mount, or a disk that nobody can tell apart.
    """

    there: bool
    why_not: str = ""
    wrong: bool = False
    unnamed: bool = False


def presence(store: LocalStore | None, replica: ReplicaRow) -> Presence:
    """Looks at the replica's identity now."""
    if store is None:
        return Presence(False, "not in the settings")
    try:
        identity = store.identity()
    except UnavailableError as error:
        return Presence(False, error.cause, unnamed=error.cause == NO_IDENTITY)
    if identity == str(replica.uuid):
        return Presence(True)
    return Presence(False, f"another disk is in its place: its identity is {identity}", wrong=True)
