"""A workspace: the settings, the catalog and the stores that belong together, opened for one command."""

import getpass
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import config
from checks.evidence import Evidence
from checks.hours import Hours
from checks.policy import MassChange, Promise
from checks.ports import StoreError, UnavailableError
from config import Address, Replica, SecretSource, Settings
from preserve.app.carried_disks import store_of
from preserve.audit.policies import SettingsPolicies
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import PackageRow, ReplicaRow
from preserve.errors import UsageError
from preserve.stores.durable import write_durably
from preserve.stores.finding_disks import ClonedError
from preserve.stores.identity import NO_IDENTITY
from preserve.stores.local_replica import LocalReplica
from preserve.stores.opening import open_replica
from preserve.stores.port import ReplicaStore

SETTINGS_NAME = "preserve.toml"
_Place = tuple[Address, SecretSource | None]


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
        self._elsewhere: dict[int, tuple[_Place, ReplicaStore]] = {}

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for _, store in self._elsewhere.values():
                with suppress(StoreError):
                    store.close()
        finally:
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

    def stores(self) -> dict[int, ReplicaStore]:
        """A store for each replica that the catalog knows and the settings name, by the replica's id."""
        configured = self.settings.replicas
        return {
            replica.id: self._store(configured[replica.name], replica)
            for replica in self.catalog.replicas()
            if replica.name in configured
        }

    def _store(self, configured: Replica, replica: ReplicaRow) -> ReplicaStore:
        """One elsewhere is opened once, and closed with the workspace; a disk is never kept busy between two works."""
        if configured.folder is not None:
            return store_of(configured, str(replica.uuid))
        known, store = self._elsewhere.get(replica.id, (None, None))
        place = (configured.address, configured.secret)
        if store is None or known != place:  # the settings may have been read again
            if store is not None:
                store.close()
            store = open_replica(configured)
            self._elsewhere[replica.id] = place, store
        return store

    def write_rates(self) -> dict[int, int]:
        """How many bytes a second are written at most, by the ids of the replicas for which the settings say that."""
        configured = self.settings.replicas
        rates = {
            row.id: configured[row.name].write_rate_bytes_per_second
            for row in self.replicas()
            if row.name in configured
        }
        return {id_: rate for id_, rate in rates.items() if rate is not None}

    def folders(self) -> dict[str, bytes]:
        """Where each replica that is a folder of this machine is now, by its name; a disk where it was found."""
        found = {name: each.folder for name, each in self.settings.replicas.items() if each.folder is not None}
        stores = self.stores()
        for replica in self.catalog.replicas():
            if isinstance(store := stores.get(replica.id), LocalReplica):
                found[replica.name] = store.root
        return found

    def stores_there(self) -> dict[int, ReplicaStore]:
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


def presence(store: ReplicaStore | None, replica: ReplicaRow) -> Presence:
    """Looks at the replica's identity now."""
    if store is None:
        return Presence(False, "not in the settings")
    try:
        identity = store.identity()
    except UnavailableError as error:
        cloned = isinstance(error, ClonedError)
        return Presence(False, error.cause, wrong=cloned, unnamed=error.cause == NO_IDENTITY)
    if identity == str(replica.uuid):
        return Presence(True)
    return Presence(False, f"another disk is in its place: its identity is {identity}", wrong=True)
